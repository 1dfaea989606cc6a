import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isMabuildError } from '@mabuild/oci';
import { type RegistryFault, startTestRegistry, type TestRegistry } from '@mabuild/registry/testing';
import { expect } from 'chai';
import { addToImageIndex, type IndexResult, verifyReference } from 'mabuild';
import { makePlatform, onlyImage, publish } from '../support/published.ts';

/** Requests of `index add` from another repository, in which a fault can strike. */
const phases: readonly { readonly what: string; readonly method: string; readonly url: RegExp }[] = [
  { what: 'looking for a source', method: 'HEAD', url: /source\/manifests\/arm64/ },
  { what: 'reading a manifest', method: 'GET', url: /source\/manifests\// },
  { what: 'reading a config', method: 'GET', url: /source\/blobs\// },
  { what: 'looking for the tag', method: 'HEAD', url: /app\/manifests\/1$/ },
  { what: 'reading the index', method: 'GET', url: /app\/manifests\// },
  { what: 'looking for a child', method: 'HEAD', url: /app\/manifests\/sha256/ },
  { what: 'mounting a blob', method: 'POST', url: /app\/blobs\/uploads/ },
  { what: 'writing a child', method: 'PUT', url: /app\/manifests\/sha256/ },
  { what: 'writing the tag', method: 'PUT', url: /app\/manifests\/1$/ },
];

const faults: readonly { readonly what: string; readonly fault: RegistryFault }[] = [
  { what: 'a 503', fault: { status: 503 } },
  { what: 'a 403', fault: { status: 403, body: '{"errors":[{"code":"DENIED","message":"no"}]}' } },
  { what: 'a 404', fault: { status: 404 } },
  { what: 'a cut connection', fault: { cutAfter: 0, times: 2 } },
  { what: 'a lost answer', fault: { cutAfterAnswer: true } },
  { what: 'half an answer', fault: { cutBodyAfter: 1 } },
];

describe('index add, when something goes wrong', () => {
  let directory: string;
  let registry: TestRegistry;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mabuild-index-'));
    registry = await startTestRegistry();
    await publish(await onlyImage(makePlatform('linux/amd64')), `${registry.host}/source:amd64`);
    await publish(await onlyImage(makePlatform('linux/arm64')), `${registry.host}/source:arm64`);
    await add('amd64');
  });
  afterEach(async () => {
    await registry.close();
    await rm(directory, { recursive: true, force: true });
  });

  function add(name: string): Promise<IndexResult> {
    const environment = { cacheDirectory: join(directory, name), homeDirectory: directory };
    return addToImageIndex(
      { destination: `${registry.host}/app:1`, sources: [`${registry.host}/source:${name}`] },
      { environment, config: {}, settle: 8 },
    );
  }

  for (const phase of phases) {
    for (const { what, fault } of faults) {
      it(`while ${phase.what}, ${what}: it is done and verifies, or the tag is as it was`, async () => {
        const before = registry.tagOf('app', '1');
        registry.faults.push({ method: phase.method, url: phase.url, ...fault });
        const struck = registry.requests.length;
        const result = await add('arm64').catch((error: unknown) => error as Error);
        const matching = registry.requests
          .slice(struck)
          .filter(({ method, url }) => method === phase.method && phase.url.test(url));
        expect(matching, 'the fault struck').to.have.length.greaterThan(0);
        registry.faults.length = 0;
        if (result instanceof Error) {
          expect(isMabuildError(result), result.stack).to.equal(true);
          expect(registry.tagOf('app', '1')).to.equal(before);
          return;
        }
        expect(result.digest).to.equal(registry.tagOf('app', '1'));
        expect(result.images.map(({ platform }) => platform)).to.deep.equal(['linux/amd64', 'linux/arm64']);
        const report = await verifyReference(
          { reference: `${registry.host}/app:1` },
          { environment: { cacheDirectory: join(directory, 'fresh'), homeDirectory: directory }, config: {} },
        );
        expect(report.ok).to.equal(true);
      });
    }
  }
});
