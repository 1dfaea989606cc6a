import { createWriteStream } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { constants } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { runImageIn } from '@mabuild/core';
import {
  type Descriptor,
  type ImageSource,
  MabuildError,
  parseImageConfig,
  parseImageManifest,
  type ReadOptions,
  readDocument,
} from '@mabuild/oci';
import { Interrupted } from '../../io.ts';
import { keepCacheSmall, withLease } from '../cache/with-lease.ts';
import { formatLocation, parseLocation } from '../images/image-location.ts';
import { platformManifest } from '../images/inspect.ts';
import { withLocations } from '../images/locations.ts';
import { sweepLeftovers } from '../leftovers.ts';
import { machineOf } from '../machine.ts';
import { sandboxOf } from '../sandbox.ts';
import { makeTemporaryFolder } from '../temporary-folder.ts';
import type { Toolbox } from '../toolbox.ts';
import type { RunOptions, RunRequest } from './run-request.ts';

/** Runs an image in a sandbox of this process, without an engine. @returns the program's exit code */
export async function runEmbedded(
  request: RunRequest,
  toolbox: Toolbox,
  options: RunOptions,
): Promise<number> {
  const { environment, sandboxHelper: helper } = toolbox;
  const { signal, onOutput, input } = options;
  const location = parseLocation(request.reference);
  const temporaryDirectory = makeTemporaryFolder(environment);
  // Beside it: nothing depends on what killed ones left.
  const sweeping = sweepLeftovers(environment, { helper }).catch(() => []);
  try {
    return await withLease({ environment }, (claim) =>
      withLocations(toolbox, options, async (locations) => {
        const machine = machineOf(environment.architecture);
        const qemu = request.qemu ?? toolbox.config.qemu;
        const sandbox = sandboxOf(environment, { platform: machine, helper, qemu, claim });
        if (sandbox === undefined) throw noSandbox();
        const platform = request.platform ?? machine;
        const source = await locations.open(location);
        const reference = formatLocation(location);
        const descriptor = await platformManifest(source, platform, { reference, signal });
        const manifest = parseImageManifest(await readDocument(source, descriptor, { signal }));
        const config = parseImageConfig(await readDocument(source, manifest.config, { signal }));
        const { entrypoint, command = [] } = request;
        return await runImageIn(
          sandbox,
          {
            ...{ platform, manifest, config },
            source: location.kind === 'registry' ? readOnce(source, temporaryDirectory) : source,
          },
          {
            ...(entrypoint && { entrypoint }),
            ...(command.length > 0 && { command }),
            environment: request.environmentVariables ?? {},
            binds: request.volumes ?? [],
            ports: request.ports ?? [],
            network: request.network ?? 'default',
          },
          {
            ...{ signal, onOutput, input, stopWith, memory: toolbox.memory, temporaryDirectory },
            onNote: (text) => onOutput?.('stderr', Buffer.from(`mabuild: ${text}\n`)),
          },
        );
      }),
    );
  } finally {
    await rm(temporaryDirectory, { recursive: true, force: true });
    await sweeping;
    // What was ended in the middle of unpacking left files of other users.
    if (signal?.aborted) await sweepLeftovers(environment, { helper }).catch(() => []);
    else await keepCacheSmall(toolbox, {});
  }
}

function stopWith(reason: unknown): number {
  const name = reason instanceof Interrupted ? reason.signalName : 'SIGTERM';
  return constants.signals[name as NodeJS.Signals];
}

/** What comes from a registry is read twice, for its users and for its files. */
function readOnce(source: ImageSource, directory: string): ImageSource {
  const files = new Map<string, Promise<string>>();
  return {
    root: source.root,
    async read(descriptor, options = {}) {
      const { digest } = descriptor;
      const file = files.get(digest) ?? download(descriptor, options);
      files.set(digest, file);
      return (await open(await file)).createReadStream();
    },
  };

  async function download(descriptor: Descriptor, options: ReadOptions): Promise<string> {
    const file = join(directory, descriptor.digest.replace(':', '-'));
    await pipeline(await source.read(descriptor, options), createWriteStream(file, { mode: 0o600 }));
    return file;
  }
}

function noSandbox(): MabuildError {
  return new MabuildError('running an image without an engine needs a sandbox, and this system has none', {
    code: 'SANDBOX_UNAVAILABLE',
    hint: 'run it on Linux, or start Docker or podman',
  });
}
