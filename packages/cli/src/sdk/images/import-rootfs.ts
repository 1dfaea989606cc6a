import { createReadStream } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import type { BuildEvent } from '@mabuild/core';
import {
  BlobStore,
  type ContainerConfig,
  copyImage,
  familiarReference,
  formatPlatform,
  type ImageSource,
  MabuildError,
  type OpenBody,
  type Platform,
  type ProgramsPlatform,
  type PushEvent,
  placeStream,
  platformsOfPrograms,
  type RootfsLayer,
  readRootfs,
  rootfsImage,
  verifyImage,
} from '@mabuild/oci';
import { type Output, outputFailure } from '../build/output.ts';
import { type Published, parseTag, pushTags } from '../build/publish.ts';
import { verificationFailed } from '../build/verification.ts';
import { readPlatforms } from '../platforms.ts';
import { makeTemporaryFolder } from '../temporary-folder.ts';
import { type SdkOptions, type Toolbox, withToolbox } from '../toolbox.ts';
import { containerConfigOf, mergeConfigs } from './container-config.ts';
import type { ImageLocation } from './image-location.ts';
import { withLocations } from './locations.ts';
import { checkToldPlatform, toldPlatform } from './rootfs-platform.ts';

/** Where an imported image may go. */
export type ImportOutput = Exclude<Output, { type: 'local' | 'tar' }>;

export interface ImportRequest {
  /** File of the tar, plain or compressed with gzip, bzip2, xz or zstd; or the tar itself. */
  readonly rootfs: string | Readable;
  /** @default what the programs in the tar are made for, when they agree */
  readonly platform?: string | Platform | undefined;
  /** Names of the image. */
  readonly tags?: readonly string[] | undefined;
  /** @default to the registries of the tags */
  readonly output?: ImportOutput | undefined;
  /** Dockerfile instructions, e.g. `CMD ["/bin/bash"]`; applied in order. */
  readonly changes?: readonly string[] | undefined;
  /** What containers start with, on top of `changes`. */
  readonly config?: ContainerConfig | undefined;
  /** @default true */
  readonly verify?: boolean | undefined;
}

export interface ImportResult {
  readonly platform: string;
  /** Of the manifest. */
  readonly digest: string;
  readonly layer: string;
  readonly references: readonly Published[];
}

export interface ImportOptions extends SdkOptions {
  readonly onEvent?: ((event: BuildEvent | PushEvent) => void) | undefined;
}

/**
 * Makes the tar of a root filesystem a base image of one layer, and publishes it when its programs are what it says.
 *
 * `created` is SOURCE_DATE_EPOCH of the environment, or now.
 * @throws MabuildError `ROOTFS_INVALID`, `INVALID_TAR`, `UNSAFE_PATH`, `INVALID_COMPRESSION`, `ROOTFS_PLATFORM_UNKNOWN`,
 *   `VERIFICATION_FAILED`, `FILE_NOT_FOUND`, `INVALID_CHANGE`, `REGISTRY_…`
 */
export async function importRootfs(
  request: ImportRequest,
  options: ImportOptions = {},
): Promise<ImportResult> {
  const { tags = [], output = { type: 'push' } } = request;
  const [platform] = request.platform === undefined ? [] : readPlatforms([request.platform]);
  const config = mergeConfigs(containerConfigOf(request.changes ?? []), request.config ?? {});
  tags.forEach(parseTag);
  if (tags.length === 0 && (output.type === 'push' || output.type === 'load')) {
    throw new MabuildError('an image that is imported needs a name, or a place of its own', {
      code: 'USAGE',
      hint: 'add -t REGISTRY/NAME:TAG, or -o oci:DIR',
    });
  }
  return withToolbox(options, async (toolbox) => {
    const { environment } = toolbox;
    const created = creationTime(environment.variables.SOURCE_DATE_EPOCH);
    const directory = makeTemporaryFolder(environment);
    try {
      const { name, open } = await openRootfs(request.rootfs, directory, toolbox, options);
      const layer = await naming(name, () => readRootfs(open, new BlobStore(directory), options));
      const told = platformsOfPrograms(layer.facts, config);
      const image = rootfsImage({
        layer,
        platform: platform ?? toldPlatform(name, told),
        created,
        comment: `imported from ${name}`,
        config,
      });
      if (request.verify ?? true) await verify(name, image, { layer, told, platform }, options);
      const references = await publish(image, tags, output, toolbox, options);
      return {
        platform: formatPlatform(image.root.platform ?? { os: '', architecture: '' }),
        digest: image.root.digest,
        layer: layer.descriptor.digest,
        references,
      };
    } catch (error) {
      throw outputFailure(output, error);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });
}

/** What is wrong with an archive is told with its name. */
async function naming<T>(name: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof MabuildError)) throw error;
    const { message, code, hint, cause } = error;
    throw new MabuildError(`importing ${name}: ${message}`, { code, hint, cause });
  }
}

async function openRootfs(
  rootfs: string | Readable,
  directory: string,
  { environment }: Toolbox,
  options: ImportOptions,
): Promise<{ readonly name: string; readonly open: OpenBody }> {
  if (rootfs instanceof Readable) {
    const file = join(directory, 'rootfs');
    await placeStream(file, async () => rootfs, options);
    return { name: '-', open: async () => createReadStream(file) };
  }
  const file = resolve(environment.workingDirectory, rootfs);
  try {
    if ((await stat(file)).isDirectory()) {
      throw new MabuildError(`importing ${rootfs}: it is a folder`, {
        code: 'FILE_UNREADABLE',
        hint: `pack it first: tar --numeric-owner -C ${rootfs} -c . > rootfs.tar`,
      });
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new MabuildError(`importing ${rootfs}: there is no such file`, { code: 'FILE_NOT_FOUND' });
  }
  return { name: basename(rootfs), open: async () => createReadStream(file) };
}

function creationTime(epoch: string | undefined): string {
  const seconds = epoch === undefined || epoch === '' ? Math.floor(Date.now() / 1000) : Number(epoch);
  if (Number.isInteger(seconds) && seconds >= 0 && seconds <= 253_402_300_799) {
    return new Date(seconds * 1000).toISOString().replace('.000Z', 'Z');
  }
  throw new MabuildError(`SOURCE_DATE_EPOCH ${JSON.stringify(epoch)} is no time`, {
    code: 'USAGE',
    hint: 'set it to seconds since 1970',
  });
}

async function verify(
  name: string,
  image: ImageSource,
  about: {
    readonly layer: RootfsLayer;
    readonly told: readonly ProgramsPlatform[];
    readonly platform: Platform | undefined;
  },
  options: ImportOptions,
): Promise<void> {
  const { layer, told, platform } = about;
  if (platform) checkToldPlatform(name, told, platform);
  const report = await verifyImage(image, {
    signal: options.signal,
    // It was looked through while it was read.
    remembered: {
      get: async (digest) => (digest === layer.descriptor.digest ? layer.facts : undefined),
      set: async () => undefined,
    },
  });
  if (!report.ok) throw verificationFailed(name, report);
}

async function publish(
  image: ImageSource,
  tags: readonly string[],
  output: ImportOutput,
  toolbox: Toolbox,
  options: ImportOptions,
): Promise<readonly Published[]> {
  const { signal, onEvent } = options;
  return withLocations(toolbox, options, async (locations) => {
    if (output.type === 'push') {
      const registry = await locations.registry();
      return pushTags({ root: image.root, source: image }, tags, {
        registry,
        memory: toolbox.memory,
        jobs: 16,
        byDigest: output.byDigest ?? false,
        signal,
        onEvent,
      });
    }
    const names = tags.map((tag) => familiarReference(parseTag(tag)));
    const place = await locations.sink(locationOf(output, names));
    try {
      const named = names.length > 0 || output.type === 'docker-archive' ? names : ['latest'];
      await copyImage(image, place.sink, { tags: named, signal, onEvent });
      await place.finish(image.root);
    } catch (error) {
      await place.abandon();
      throw error;
    }
    return output.type === 'load' ? names.map((reference) => ({ reference, digest: image.root.digest })) : [];
  });
}

function locationOf(
  output: Exclude<ImportOutput, { type: 'push' }>,
  names: readonly string[],
): ImageLocation {
  if (output.type === 'load') return { kind: 'docker', image: names[0] ?? '' };
  return { kind: output.type, path: output.path };
}
