import { join } from 'node:path';
import type { Engine, EngineInfo } from '@mabuild/core';
import { type CallOptions, type CredentialSource, type Memory, openMemory } from '@mabuild/oci';
import type { RegistryClient, RegistryEvent, WebClient } from '@mabuild/registry';
import { type Config, loadConfig } from '../config.ts';
import { type DockerConfig, readDockerConfig } from './credentials/docker-config.ts';
import { dockerConfigDirectory, type Environment, environmentOf } from './environment.ts';

/** What every function of the SDK takes. */
export interface SdkOptions extends CallOptions {
  /** Parts of this process's environment to replace. */
  readonly environment?: Partial<Environment> | undefined;
  /** Instead of the nearest `mabuild.config.*`. */
  readonly config?: Config | undefined;
  /** Host to URLs that are read first; added to the configuration's. */
  readonly mirrors?: Readonly<Record<string, readonly string[]>> | undefined;
  /** Instead of Docker's config.json. */
  readonly credentials?: CredentialSource | undefined;
  /** The module with which the embedded engine executes RUN. @default `mabuild/sandbox-helper` as the program that runs finds it */
  readonly sandboxHelper?: URL | undefined;
  /** What the registry client tells: retries, waits, mirrors passed over. */
  readonly onRegistryEvent?: ((event: RegistryEvent) => void) | undefined;
}

/** The parts that functions of the SDK share, made once per call. */
export interface Toolbox {
  readonly sandboxHelper: URL | undefined;
  readonly environment: Environment;
  readonly config: Config;
  readonly dockerConfig: DockerConfig;
  readonly credentials: CredentialSource;
  readonly memory: Memory;
  /** OCI layout of blobs that were exported and compressed before. */
  readonly blobDirectory: string;
  /** A client that reads through the mirrors of the options, the configuration and, when given, the engine. */
  registry(engine?: EngineInfo): Promise<RegistryClient>;
  /** Reads public pages, over the same proxies as registries. */
  web(): Promise<WebClient>;
  openEngine(): Promise<Engine>;
}

/** Reads configuration and credentials, lends the parts to `use`, and closes what was opened. */
export async function withToolbox<T>(options: SdkOptions, use: (toolbox: Toolbox) => Promise<T>): Promise<T> {
  const environment = environmentOf(options.environment);
  const directory = dockerConfigDirectory(environment);
  const [config, dockerConfig] = await Promise.all([
    options.config ?? loadConfig({ directory: environment.workingDirectory }),
    readDockerConfig({
      directory,
      environment: environment.variables,
      homeDirectory: environment.homeDirectory,
    }),
  ]);
  const credentials = options.credentials ?? dockerConfig.credentials;
  const memory = openMemory(join(environment.cacheDirectory, 'memory'));
  const open: { close(): Promise<void> }[] = [];
  const keep = <C extends { close(): Promise<void> }>(closable: C): C => {
    open.push(closable);
    return closable;
  };
  try {
    return await use({
      sandboxHelper: options.sandboxHelper,
      environment,
      config,
      dockerConfig,
      credentials,
      memory,
      blobDirectory: join(environment.cacheDirectory, 'content'),
      // What asks nobody, and copies without an engine, does without the modules for it, which take long to load.
      registry: async (engine) => {
        const { registryClient } = await import('./connections.ts');
        const { mirrors, onRegistryEvent: onEvent } = options;
        return keep(registryClient({ environment, config, credentials, mirrors, engine, onEvent }));
      },
      web: async () => {
        const { webClient } = await import('./connections.ts');
        return keep(webClient({ environment, config }));
      },
      openEngine: async () => {
        const { detectEngine } = await import('./detect-engine.ts');
        return keep(
          await detectEngine({
            environment: environment.variables,
            homeDirectory: environment.homeDirectory,
            platform: environment.operatingSystem,
            kernelRelease: environment.kernelRelease,
            memory,
            dockerConfig: { directory, currentContext: dockerConfig.currentContext },
            signal: options.signal,
          }),
        );
      },
    });
  } finally {
    await Promise.all(open.map((closable) => closable.close()));
  }
}
