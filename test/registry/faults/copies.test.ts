import { randomBytes } from 'node:crypto';
import { copyImage, type ImageReference, mediaTypes, verifyImage } from '@mabuild/oci';
import type { RegistryFault, RegistryProfile, TestRegistry } from '@mabuild/registry/testing';
import { expect } from 'chai';
import { type MadeImage, makeImage } from '../../support/made-image.ts';
import { registryUser, useRegistries } from '../../support/registries.ts';

const always = Number.POSITIVE_INFINITY;
const retry = { baseDelay: 1, maxDelay: 5, attempts: 4 };
const timeouts = { silence: 400, storing: 400 };
const auth = { kind: 'token', ...registryUser } as const;
const credentials = { credentialFor: async () => ({ kind: 'basic', ...registryUser }) as const };
const image = makeImage(
  ...['linux/amd64', 'linux/arm64'].map((platform) => ({
    platform,
    plainTar: true,
    layers: [[{ path: 'data', content: randomBytes(300_000) }]],
  })),
);

type Row = readonly [
  name: string,
  from: readonly RegistryFault[],
  to: readonly RegistryFault[],
  expected: readonly string[],
];

function fill(registry: TestRegistry, { blobs, root }: MadeImage): void {
  for (const [digest, bytes] of blobs) {
    const fields = bytes.length < 5000 ? JSON.parse(bytes.toString()) : {};
    const isIndex = 'manifests' in fields;
    if (!isIndex && !('layers' in fields)) registry.addBlob('team/app', bytes);
    else {
      const mediaType = isIndex ? mediaTypes.ociIndex : mediaTypes.ociManifest;
      registry.addManifest('team/app', digest === root.digest ? 'latest' : digest, mediaType, bytes);
    }
  }
}

function reference({ host }: TestRegistry, repository: string): ImageReference {
  return { registry: host, repository, tag: 'latest' };
}

async function resultOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'done';
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
}

describe('registry/client copying', () => {
  const { registryWith, clientWith } = useRegistries();

  const between: readonly Row[] = [
    ['both are well', [], [], ['done']],
    ['the source is cut', [{ phase: 'blob-get', cutBodyAfter: 100_000, times: 3 }], [], ['done']],
    ['the target is cut', [], [{ phase: 'upload-put', cutAfter: 100_000, times: 2 }], ['done']],
    [
      'both are cut at once',
      [{ phase: 'blob-get', cutBodyAfter: 100_000, times: 2 }],
      [{ phase: 'upload-put', cutAfter: 50_000, times: 2 }],
      ['done'],
    ],
    ['the source stops for a while', [{ phase: 'blob-get', stallBodyAfter: 1000 }], [], ['done']],
    [
      'the source sends other bytes',
      [{ phase: 'blob-get', damageBody: true, times: always }],
      [],
      ['DIGEST_MISMATCH'],
    ],
    [
      'the source sends too few bytes',
      [{ phase: 'blob-get', lengthOff: -9, times: always }],
      [],
      ['SIZE_MISMATCH', 'REGISTRY_UNREACHABLE'],
    ],
    [
      'the source sends bytes without end',
      [{ phase: 'blob-get', endless: true, times: always }],
      [],
      ['SIZE_MISMATCH'],
    ],
    [
      'the source has lost a blob',
      [{ phase: 'blob-get', status: 404, times: always }],
      [],
      ['BLOB_NOT_FOUND'],
    ],
    [
      'the source has lost a manifest',
      [{ phase: 'manifest-get', skip: 1, status: 404, times: always }],
      [],
      ['IMAGE_NOT_FOUND'],
    ],
    [
      'the source is always cut',
      [{ phase: 'blob-get', cutBodyAfter: 0, times: always }],
      [],
      ['REGISTRY_UNREACHABLE'],
    ],
    [
      'the source has enough',
      [{ phase: 'blob-get', status: 429, times: always }],
      [],
      ['REGISTRY_RATE_LIMITED'],
    ],
    ['the token of the source ends', [{ phase: 'blob-get', expireTokens: true, skip: 1 }], [], ['done']],
    [
      'the tokens of both end',
      [{ phase: 'blob-get', expireTokens: true }],
      [{ phase: 'upload-put', expireTokens: true }],
      ['done'],
    ],
    ['the target denies', [], [{ phase: 'upload-begin', status: 403, times: always }], ['REGISTRY_DENIED']],
    [
      'the target denies the tag',
      [],
      [{ phase: 'tag-put', status: 403, times: always }],
      ['REGISTRY_DENIED'],
    ],
  ];
  for (const [name, from, to, expected] of between) {
    it(`between registries, where ${name}`, async () => {
      const source = await registryWith({ auth });
      const target = await registryWith({ auth });
      fill(source, image);
      source.faults.push(...from);
      target.faults.push(...to);
      const client = clientWith({ credentials, retry, timeouts });
      const sink = client.sink(reference(target, 'team/copy'));
      const work = client
        .resolve(reference(source, 'team/app'))
        .then((found) => copyImage(found, sink, { tags: ['latest'] }));
      expect(await resultOf(work)).to.be.oneOf(expected);
      await check(target, expected);
      expect(target.openUploads()).to.deep.equal([]);
    });
  }

  const mounting: readonly (readonly [string, RegistryFault, (RegistryProfile | undefined)?])[] = [
    ['answers', { delay: 1 }],
    ...[400, 401, 403, 404, 405, 429, 500, 503].map(
      (status) => [`answers ${status}`, { phase: 'mount', status }] as const,
    ),
    ['always answers 404', { phase: 'mount', status: 404, times: always }],
    ['always answers 500', { phase: 'mount', status: 500, times: always }],
    ['always answers 403', { phase: 'mount', status: 403, times: always }],
    ['is cut', { phase: 'mount', cutAfter: 0 }],
    ['is cut before its answer', { phase: 'mount', cutAfterAnswer: true }],
    ['never answers once', { phase: 'mount', hang: true }],
    ['lies that a blob is there', { phase: 'mount', status: 201, headers: { location: '/v2/x/blobs/y' } }],
    ['loses its token', { phase: 'mount', expireTokens: true, skip: 1 }],
    ['never mounts', { delay: 1 }, 'ecr'],
  ];
  for (const [name, fault, profile] of mounting) {
    it(`within a registry that ${name}`, async () => {
      const registry = await registryWith({ auth, profile });
      fill(registry, image);
      registry.faults.push(fault);
      const client = clientWith({ credentials, retry, timeouts });
      const found = await client.resolve(reference(registry, 'team/app'));
      const sink = client.sink(reference(registry, 'team/copy'));
      const result = await resultOf(copyImage(found, sink, { tags: ['latest'] }));
      // A lie is found out when the manifest that names the blob is refused.
      expect(result).to.equal(fault.status === 201 ? 'REGISTRY_ERROR' : 'done');
      registry.faults.length = 0;
      await check(registry, [result]);
    });
  }

  /** Holds that the copy is there and whole, or that there is none. */
  async function check(target: TestRegistry, expected: readonly string[]): Promise<void> {
    target.faults.length = 0;
    const tag = target.tagOf('team/copy', 'latest');
    expect(tag).to.equal(expected.includes('done') ? image.root.digest : undefined);
    if (tag === undefined) return;
    const report = await verifyImage(
      await clientWith({ credentials }).resolve(reference(target, 'team/copy')),
    );
    expect(report.ok, JSON.stringify(report)).to.equal(true);
  }
});
