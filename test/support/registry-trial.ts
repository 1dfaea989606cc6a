import { randomBytes } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import {
  copyImage,
  type Descriptor,
  type ImageReference,
  isMabuildError,
  parseAnyManifest,
  verifyImage,
} from '@mabuild/oci';
import { createRegistryClient, type RegistryEvent, type RegistryOptions } from '@mabuild/registry';
import {
  profiles,
  type RegistryFault,
  type RegistryProfile,
  startTestRegistry,
  type TestRegistry,
  type TestRegistryOptions,
} from '@mabuild/registry/testing';
import { expect } from 'chai';
import { exitCodeOf } from '../../packages/cli/src/exit-code.ts';
import { type MadeImage, makeImage } from './made-image.ts';

/** Something that is tried at a registry that fails. */
export interface Trial {
  readonly faults: readonly RegistryFault[];
  /** @default none: the distribution-spec's ways */
  readonly profile?: RegistryProfile | undefined;
  readonly registry?: TestRegistryOptions | undefined;
  readonly client?: RegistryOptions | ((host: string) => RegistryOptions) | undefined;
  /** Bytes of the first of the two layers of an image; the second has 20000 at most. @default 200000 */
  readonly layer?: number | undefined;
  /** @default linux/amd64 */
  readonly platforms?: readonly string[] | undefined;
  /** Blobs and manifests at a time. @default 4 */
  readonly jobs?: number | undefined;
  /** Whether the registry lies so that an upload stays open of which the client cannot know. @default false */
  readonly forgotten?: boolean | undefined;
}

/** What came of a trial. */
export interface Outcome {
  /** `done`, or the code of the error. */
  readonly result: string;
  readonly error: Error | undefined;
  readonly registry: TestRegistry;
  readonly events: readonly RegistryEvent[];
}

export const trialUser = { username: 'ci', password: 'a very secret word' } as const;

/** All profiles, and none. */
export const allProfiles: readonly (RegistryProfile | undefined)[] = [
  undefined,
  ...(Object.keys(profiles) as RegistryProfile[]),
];

const repository = 'team/app';
const tag = 'latest';
const images = new Map<string, MadeImage>();

/** An index of images; the same one for the same name and size. */
function imageOf(
  name: string,
  { layer = 200_000, platforms = ['linux/amd64'] }: Partial<Trial> = {},
): MadeImage {
  const key = `${name} ${layer} ${platforms}`;
  const known = images.get(key);
  if (known !== undefined) return known;
  const made = makeImage(
    ...platforms.map((platform) => ({
      platform,
      plainTar: true,
      layers: [layer, Math.min(layer, 20_000)].map((size) => [{ path: 'data', content: randomBytes(size) }]),
    })),
  );
  images.set(key, made);
  return made;
}

/**
 * Pushes an image over an older one while things go wrong.
 *
 * Holds that either the push succeeded and the image verifies, or the error is a clear one without secrets, the tag is
 * where it was, and no upload stays open at a registry that lets uploads be cancelled.
 */
export async function tryPush(trial: Trial): Promise<Outcome> {
  const image = imageOf('new', trial);
  return within(trial, async ({ registry, reference, client, behaviour, options }) => {
    const older = behaviour.immutableTags === true ? undefined : await pushOlder(registry, reference);
    registry.requests.length = 0;
    registry.faults.push(...trial.faults);
    const error = await failureOf(() =>
      copyImage(image, client.sink(reference), { tags: [tag], jobs: trial.jobs ?? 4 }).then(() =>
        client.close(),
      ),
    );
    registry.faults.length = 0;
    if (error !== undefined && !error.message.includes(`written as ${image.root.digest}, read back as`)) {
      expect(registry.tagOf(repository, tag), 'the tag after a failure').to.equal(older);
    } else if (error === undefined) {
      expect(registry.tagOf(repository, tag), 'the tag after a push').to.equal(image.root.digest);
      await verifyWith(reference, registry, options, trial.platforms?.length ?? 1);
    }
    if (behaviour.cancelUpload !== false && trial.forgotten !== true) {
      expect(registry.openUploads().length, 'open uploads').to.be.at.most(unknowable(registry));
    }
    return error;
  });
}

/** Reads everything of an image while things go wrong. Holds that what arrives is right, or the error is a clear one. */
export async function tryPull(trial: Trial): Promise<Outcome> {
  const image = imageOf('new', trial);
  return within(trial, async ({ registry, reference, client }) => {
    await fill(registry, image);
    registry.faults.push(...trial.faults);
    return failureOf(async () => {
      const source = await client.resolve(reference);
      expect(source.root.digest).to.equal(image.root.digest);
      const waiting: Descriptor[] = [source.root];
      for (const descriptor of waiting) {
        const bytes = await buffer(await source.read(descriptor));
        expect(bytes.equals(image.blobs.get(descriptor.digest) ?? Buffer.of()), 'the bytes read').to.equal(
          true,
        );
        waiting.push(...childrenOf(descriptor, bytes));
      }
      expect(waiting).to.have.length(image.blobs.size);
    });
  });
}

/** Uploads that were begun in vain: the answer with their address never arrived. */
function unknowable({ requests }: TestRegistry): number {
  return requests.filter(({ phase, status }) => phase === 'upload-begin' && status === 0).length;
}

interface Setting {
  readonly registry: TestRegistry;
  readonly reference: ImageReference;
  readonly client: ReturnType<typeof createRegistryClient>;
  readonly behaviour: TestRegistryOptions;
  readonly options: RegistryOptions | undefined;
}

async function within(
  trial: Trial,
  work: (setting: Setting) => Promise<Error | undefined>,
): Promise<Outcome> {
  const { profile } = trial;
  const behaviour = { ...(profile !== undefined && profiles[profile]), ...trial.registry };
  const registry = await startTestRegistry({
    ...behaviour,
    auth: { kind: 'token', ...trialUser, ...trial.registry?.auth },
  });
  const events: RegistryEvent[] = [];
  const options = typeof trial.client === 'function' ? trial.client(registry.host) : trial.client;
  const client = clientOf({ onEvent: (event) => events.push(event), ...options });
  const reference = { registry: registry.host, repository, tag };
  try {
    const error = await work({ registry, reference, client, behaviour, options });
    if (error !== undefined) checkError(error, registry);
    return { result: error === undefined ? 'done' : codeOf(error), error, registry, events };
  } finally {
    await client.close();
    await registry.close();
  }
}

function clientOf(options: RegistryOptions = {}): ReturnType<typeof createRegistryClient> {
  return createRegistryClient({
    credentials: { credentialFor: async () => ({ kind: 'basic', ...trialUser }) },
    retry: { baseDelay: 1, maxDelay: 5, attempts: 4 },
    timeouts: { silence: 5_000, storing: 5_000 },
    ...options,
  });
}

async function pushOlder(registry: TestRegistry, reference: ImageReference): Promise<string> {
  const older = imageOf('old', { layer: 100 });
  await fill(registry, older);
  expect(registry.tagOf(reference.repository, tag)).to.equal(older.root.digest);
  return older.root.digest;
}

async function fill(registry: TestRegistry, image: MadeImage): Promise<void> {
  for (const [digest, bytes] of image.blobs) {
    if (bytes.toString('latin1', 0, 20).includes('schemaVersion')) {
      const { mediaType } = parseMediaType(bytes);
      registry.addManifest(repository, digest === image.root.digest ? tag : digest, mediaType, bytes);
    } else {
      registry.addBlob(repository, bytes);
    }
  }
}

function parseMediaType(bytes: Buffer): { mediaType: string } {
  const isIndex = 'manifests' in JSON.parse(bytes.toString());
  return { mediaType: `application/vnd.oci.image.${isIndex ? 'index' : 'manifest'}.v1+json` };
}

function childrenOf(descriptor: Descriptor, bytes: Buffer): readonly Descriptor[] {
  if (!/\.(index|manifest)\.v1\+json$/.test(descriptor.mediaType)) return [];
  const parsed = parseAnyManifest(bytes, descriptor.mediaType);
  return parsed.kind === 'index'
    ? parsed.index.manifests
    : [parsed.manifest.config, ...parsed.manifest.layers];
}

async function verifyWith(
  reference: ImageReference,
  registry: TestRegistry,
  options: RegistryOptions | undefined,
  count: number,
): Promise<void> {
  expect(registry.faults).to.deep.equal([]);
  const client = clientOf({ ...options, timeouts: {} });
  try {
    const report = await verifyImage(await client.resolve(reference));
    expect(report.ok, JSON.stringify(report)).to.equal(true);
    expect(report.images).to.have.length(count);
  } finally {
    await client.close();
  }
}

async function failureOf(work: () => Promise<void>): Promise<Error | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

function codeOf(error: Error): string {
  return isMabuildError(error) ? error.code : `${error.name} without a code: ${error.stack}`;
}

/** A clear error: of ours, with a code that the command knows, saying what was being done, without secrets. */
function checkError(error: Error, registry: TestRegistry): void {
  if (error.name === 'AssertionError' || !isMabuildError(error)) throw error;
  expect(error.code).to.match(/^[A-Z][A-Z_]+$/);
  expect(exitCodeOf(error), error.message).to.be.oneOf([1, 3]);
  expect(error.message).to.match(/sha256:|team\/app|127\.0\.0\.1/);
  const said = `${error.message} ${error.hint} ${error.stack}`;
  expect(said).to.not.include(trialUser.password);
  expect(said).to.not.include(Buffer.from(`${trialUser.username}:${trialUser.password}`).toString('base64'));
  for (const { headers } of registry.requests) {
    const [, token] = /^Bearer (.+)$/.exec(headers.authorization ?? '') ?? [];
    if (token !== undefined) expect(said).to.not.include(token);
  }
  expect(said).to.not.match(/X-Signature|_state=|digest=sha256/);
}
