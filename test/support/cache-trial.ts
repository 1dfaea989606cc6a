import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { openLayout, parseImageIndex, parseImageManifest, readDocument } from '@mabuild/oci';
import { buildAndPush } from '../../packages/cli/src/sdk/build/build.ts';
import type { BuildOptions } from '../../packages/cli/src/sdk/build/build-options.ts';
import type { BuildRequest } from '../../packages/cli/src/sdk/build/build-request.ts';
import type { SdkOptions } from '../../packages/cli/src/sdk/toolbox.ts';
import { debTree } from './debs.ts';
import { type ContextFile, writeContext } from './embedded-builds.ts';
import { helperFolder, removeFolder } from './sandbox.ts';

/** Builds with caches of one's own. */
export interface CacheTrial {
  readonly work: string;
  /** What the SDK takes of a machine whose cache has this name. */
  options(cache: string): SdkOptions;
  /** Builds, and gives the layers of each platform. */
  build(
    cache: string,
    files: Readonly<Record<string, ContextFile>>,
    request?: Partial<BuildRequest>,
    options?: BuildOptions,
  ): Promise<CacheBuild>;
  remove(): Promise<void>;
}

export interface CacheBuild {
  readonly digest: string;
  /** Digests of layers by platform. */
  readonly layers: Readonly<Record<string, readonly string[]>>;
  /** Steps that were found in a cache. */
  readonly cached: readonly string[];
  /** Steps that were done. */
  readonly done: readonly string[];
  readonly warnings: readonly string[];
}

/** A Dockerfile whose RUN gives something else each time, and the program that it needs. */
export async function randomContext(
  lines: readonly string[] = [],
): Promise<Readonly<Record<string, ContextFile>>> {
  const tree = await debTree('busybox-static', process.arch === 'x64' ? 'amd64' : process.arch);
  const dockerfile = [
    'FROM scratch',
    'COPY --chmod=755 busybox /bin/sh',
    'COPY data /data',
    'RUN head -c 16 /dev/urandom > /random',
    ...lines,
  ];
  return {
    Dockerfile: `${dockerfile.join('\n')}\n`,
    busybox: await readFile(join(tree, 'bin/busybox')),
    data: 'the same on every machine',
  };
}

/** @param options.helper whether RUN is to work */
export async function cacheTrial({ helper = false }: { helper?: boolean } = {}): Promise<CacheTrial> {
  const work = await mkdtemp(join(tmpdir(), 'mabuild-caches-'));
  const site = helper ? await helperFolder() : undefined;
  let builds = 0;
  const options = (cache: string): SdkOptions => ({
    config: {},
    sandboxHelper: site && pathToFileURL(site.helper),
    environment: {
      variables: { PATH: process.env.PATH, SOURCE_DATE_EPOCH: '1600000000' },
      homeDirectory: work,
      workingDirectory: work,
      cacheDirectory: join(work, cache),
      temporaryDirectory: work,
    },
  });
  return {
    work,
    options,
    async build(cache, files, request = {}, given = {}) {
      const name = `build-${builds++}`;
      await writeContext(join(work, name), files);
      const output = join(work, `${name}-image`);
      const steps: Record<string, string[]> = { cached: [], done: [] };
      const warnings: string[] = [];
      const onEvent: BuildOptions['onEvent'] = (event) => {
        if (event.type === 'step') steps[event.state]?.push(event.name);
        if (event.type === 'warning') warnings.push(event.message);
      };
      const { digest } = await buildAndPush(
        {
          ...{
            context: name,
            platforms: ['linux/amd64'],
            engine: 'embedded',
            index: 'always',
            verify: false,
          },
          ...{ output: { type: 'oci', path: output }, ...request },
        },
        { ...options(cache), ...given, onEvent },
      );
      const layers = await layersOf(output);
      return { digest, layers, cached: steps.cached ?? [], done: steps.done ?? [], warnings };
    },
    async remove() {
      await rm(work, { recursive: true, force: true });
      if (site) await removeFolder(site.folder);
    },
  };
}

/** A copy of a folder that a test may damage. */
export async function copied(folder: string, name: string): Promise<string> {
  const copy = `${folder}-${name}`;
  await cp(folder, copy, { recursive: true });
  return copy;
}

async function layersOf(layout: string): Promise<Readonly<Record<string, readonly string[]>>> {
  const source = await openLayout(layout);
  const { manifests } = parseImageIndex(await readDocument(source, source.root));
  const found: Record<string, readonly string[]> = {};
  for (const entry of manifests) {
    const { layers } = parseImageManifest(await readDocument(source, entry));
    const { os, architecture, variant } = entry.platform ?? { os: '', architecture: '' };
    found[[os, architecture, variant].filter(Boolean).join('/')] = layers.map(({ digest }) => digest);
  }
  return found;
}
