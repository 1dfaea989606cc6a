import { digestOf, isMabuildError, mediaTypes } from '@mabuild/oci';
import type { RegistryClient } from '@mabuild/registry';
import type { RegistryFault, TestRegistry } from '@mabuild/registry/testing';
import { expect } from 'chai';
import { at, registryUser, signedIn, useRegistries } from '../../support/registries.ts';

const always = Number.POSITIVE_INFINITY;
const names = ['a', 'b', 'c', 'd', 'e'];
const subject = { mediaType: mediaTypes.ociManifest, digest: digestOf('subject'), size: 7 };

async function all(list: AsyncIterable<string>): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const name of list) found.push(name);
  return found;
}

/** Lists, and how many entries there are. */
const lists = {
  'tag-list': async (client: RegistryClient, registry: TestRegistry) =>
    (await all(client.tags(at(registry)))).length,
  catalog: async (client: RegistryClient, { host }: TestRegistry) =>
    (await all(client.repositories(host))).length,
  referrers: async (client: RegistryClient, registry: TestRegistry) =>
    (await client.referrers({ ...at(registry), digest: subject.digest })).length,
} as const;

const faults: readonly (readonly [string, RegistryFault, readonly string[]])[] = [
  ['nothing', { delay: 1 }, ['done']],
  ['429 on the second page', { skip: 1, status: 429 }, ['done']],
  ['503 three times', { status: 503, times: 3 }, ['done']],
  ['a cut before the answer', { cutAfter: 0 }, ['done']],
  ['a cut in the middle of a page', { skip: 1, cutBodyAfter: 10 }, ['done']],
  ['a token that ends between pages', { skip: 2, expireTokens: true }, ['done']],
  ['a page that stops', { stallBodyAfter: 5 }, ['done']],
  ['a registry that is started anew', { skip: 1, restart: 20 }, ['done']],
  ['429 for ever', { status: 429, times: always }, ['REGISTRY_RATE_LIMITED']],
  ['403', { status: 403, times: always }, ['REGISTRY_DENIED']],
  ['500 for ever', { status: 500, times: always }, ['REGISTRY_ERROR']],
  ['cuts for ever', { cutAfter: 0, times: always }, ['REGISTRY_UNREACHABLE']],
  ['bytes without end', { endless: true, times: always }, ['DOCUMENT_TOO_LARGE']],
  ['redirects in a circle', { redirectToSelf: true, times: always }, ['REGISTRY_ERROR']],
  [
    'bad JSON',
    { status: 200, headers: { 'content-type': mediaTypes.ociIndex }, body: '{"x', times: always },
    ['REGISTRY_ERROR', 'INVALID_INDEX'],
  ],
];

describe('registry/client listing', () => {
  const { registryWith, clientWith } = useRegistries();

  for (const [phase, list] of Object.entries(lists) as [keyof typeof lists, (typeof lists)['catalog']][]) {
    for (const [name, fault, expected] of faults) {
      it(`${phase}: ${name}`, async () => {
        const registry = await registryWith({ auth: { kind: 'token', ...registryUser }, pageSize: 2 });
        for (const artifactType of names) {
          const manifest = Buffer.from(
            JSON.stringify({ schemaVersion: 2, subject, artifactType: `text/${artifactType}` }),
          );
          registry.addManifest('team/app', artifactType, mediaTypes.ociManifest, manifest);
          registry.addBlob(`other/${artifactType}`, manifest);
        }
        registry.faults.push({ phase, ...fault });
        const client = clientWith({
          ...signedIn(registry.host),
          retry: { baseDelay: 10, maxDelay: 100 },
          timeouts: { silence: 300 },
        });
        try {
          expect(await list(client, registry)).to.equal(phase === 'catalog' ? 6 : 5);
          expect('done').to.be.oneOf(expected);
        } catch (error) {
          if (!isMabuildError(error)) throw error;
          expect(error.code, error.message).to.be.oneOf(expected);
          expect(error.message).to.not.include(registryUser.password);
        }
      });
    }
  }
});
