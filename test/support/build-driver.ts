/** Builds with the embedded engine as whoever starts it: a job as JSON on stdin, what was built as JSON on stdout. */
import { mkdirSync, readFileSync } from 'node:fs';
import { createSandbox, openEmbeddedEngine, openFolderContext, openMemory, sandboxRun } from '@mabuild/core';
import { parsePlatform } from '@mabuild/oci';
import { createRegistryClient } from '@mabuild/registry';
import type { SandboxOptions } from '../../packages/core/src/engines/embedded/sandbox/choice/choose.ts';
import { sandboxOptions } from './sandbox.ts';

export interface BuildJob {
  readonly helper: string;
  /** The cache. */
  readonly directory: string;
  readonly options?: Partial<SandboxOptions> | undefined;
  /** A folder with a Dockerfile. */
  readonly context: string;
  readonly platforms: readonly string[];
  /** docker.io's stand-in. */
  readonly mirror: string;
  readonly epoch: string;
  /** Its content, for any id. */
  readonly secret?: string | undefined;
  /** An agent's socket, for any id. */
  readonly agent?: string | undefined;
  readonly network?: 'none' | undefined;
}

export interface BuildAnswer {
  /** By platform: the digests of the config and of the layers, or why there are none. */
  readonly built: Readonly<Record<string, readonly string[] | string>>;
  /** What RUNs wrote. */
  readonly output: string;
}

const job = JSON.parse(readFileSync(0, 'utf8')) as BuildJob;
const temporaryDirectory = `${job.directory}/temporary`;
mkdirSync(temporaryDirectory, { recursive: true });
const options = sandboxOptions(job.helper, `${job.directory}/sandbox`, job.options);
const sandbox = createSandbox(options);
const registry = createRegistryClient({ mirrors: { 'docker.io': [job.mirror] } });
const engine = openEmbeddedEngine({
  resolver: registry,
  blobDirectory: `${job.directory}/content`,
  memory: openMemory(`${job.directory}/memory`),
  temporaryDirectory,
  platform: options.platform,
  foundBy: 'test',
  version: '0',
  web: async () => {
    throw new Error('nothing is fetched here');
  },
  variables: {},
  run: sandboxRun(sandbox),
  emulation: (platform, call) => sandbox.emulation(platform, call),
});
const context = await openFolderContext(job.context);
const built: Record<string, readonly string[] | string> = {};
let output = '';
for (const platform of job.platforms) {
  try {
    const image = await engine.build(
      {
        builder: 'embedded',
        platform: parsePlatform(platform),
        dockerfile: readFileSync(`${job.context}/Dockerfile`, 'utf8'),
        ...{ addedFiles: [], bases: [], labels: {}, noCache: false, pull: false },
        network: job.network ?? 'default',
        buildArgs: { SOURCE_DATE_EPOCH: job.epoch },
      },
      context,
      {
        credentials: { credentialFor: async () => undefined },
        secrets: {
          secret: async () => (job.secret === undefined ? undefined : Buffer.from(job.secret)),
          agent: () => job.agent,
        },
        onEvent: (event) => {
          if (event.type === 'log') output += event.text;
        },
      },
    );
    const { layers } = await engine.export(image.id, { directory: temporaryDirectory });
    built[platform] = [image.id, ...layers.map(({ path }) => path)];
  } catch (error) {
    built[platform] = `${(error as Error).message}\n${output}`;
  }
}
process.stdout.write(JSON.stringify({ built, output } satisfies BuildAnswer));
await engine.close();
await registry.close();
