import { createReadStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { createGunzip } from 'node:zlib';
import {
  type EmbeddedEngineOptions,
  type Engine,
  type EngineBuild,
  type EngineImage,
  openEmbeddedEngine,
  openFolderContext,
  openMemory,
} from '@mabuild/core';
import {
  type ImageConfig,
  type ImageResolver,
  MabuildError,
  parseImageConfig,
  parsePlatform,
  readTarEntries,
} from '@mabuild/oci';
import { type ContextFile, writeContext } from './embedded-builds.ts';
import { engineBuild } from './engine-build.ts';
import type { MadeImage } from './made-image.ts';

/** A folder with an embedded engine whose images come from memory. */
export interface EmbeddedTrial {
  /** Where the cache, the contexts and the temporary folder are. */
  readonly directory: string;
  /** A new engine over the same cache. */
  open(): Engine;
  /** Builds with a new engine, and gives what it made. */
  build(dockerfile: string, options?: TrialOptions): Promise<TrialImage>;
  remove(): Promise<void>;
}

export interface TrialOptions {
  readonly files?: Readonly<Record<string, ContextFile>>;
  readonly platform?: string;
  readonly build?: Partial<EngineBuild>;
  readonly onStep?: (name: string, state: string) => void;
}

export interface TrialImage {
  readonly image: EngineImage;
  readonly config: ImageConfig;
  /** Digests of the blobs, from the bottom. */
  readonly blobs: readonly string[];
  /** What the layers that were built hold, path by path: `type mode uid:gid content`. */
  readonly layers: readonly Readonly<Record<string, string>>[];
}

/** @param images by familiar name */
export async function embeddedTrial(
  images: Readonly<Record<string, MadeImage>> = {},
  parts: Pick<Partial<EmbeddedEngineOptions>, 'run' | 'runLimits' | 'lacksNetworks' | 'web'> = {},
): Promise<EmbeddedTrial> {
  const directory = await mkdtemp(join(tmpdir(), 'mabuild-trial-'));
  const resolver: ImageResolver = {
    async resolve({ repository }) {
      const image = images[repository.replace(/^library\//, '')];
      if (image) return image;
      throw new MabuildError(`there is no image ${repository}`, { code: 'IMAGE_NOT_FOUND' });
    },
  };
  const open = (): Engine =>
    openEmbeddedEngine({
      resolver,
      blobDirectory: join(directory, 'content'),
      memory: openMemory(join(directory, 'memory')),
      temporaryDirectory: join(directory, 'temporary'),
      platform: parsePlatform('linux/amd64'),
      foundBy: 'test',
      version: '0',
      web: async () => {
        throw new Error('nothing is fetched here');
      },
      ...parts,
      variables: { PATH: process.env.PATH },
    });
  let contexts = 0;
  return {
    directory,
    open,
    async build(dockerfile, options = {}) {
      const folder = join(directory, `context-${contexts++}`);
      await writeContext(folder, options.files ?? {});
      const context = await openFolderContext(folder);
      const engine = open();
      try {
        const build = engineBuild(options.platform ?? 'linux/amd64', dockerfile, {
          builder: 'embedded',
          ...options.build,
        });
        const image = await engine.build(build, context, {
          credentials: { credentialFor: async () => undefined },
          onEvent: (event) => {
            if (event.type === 'step') options.onStep?.(event.name, event.state);
          },
        });
        const { config, layers } = await engine.export(image.id, { directory });
        return {
          image,
          config: parseImageConfig(config),
          blobs: layers.map(({ stored }) => stored?.digest ?? ''),
          layers: await Promise.all(
            layers.flatMap(({ file }) => (file === undefined ? [] : [entriesOf(file)])),
          ),
        };
      } finally {
        await engine.close();
      }
    },
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}

async function entriesOf(file: string): Promise<Readonly<Record<string, string>>> {
  const found: Record<string, string> = {};
  for await (const entry of readTarEntries(createReadStream(file).pipe(createGunzip()))) {
    const content =
      entry.type === 'file' ? (await buffer(entry.body)).toString('utf8') : (entry.linkname ?? '');
    const mode = (entry.mode & 0o7777).toString(8);
    found[entry.name] = `${entry.type} ${mode} ${entry.uid}:${entry.gid} ${content}`.trim();
  }
  return found;
}
