import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatPlatform, type ImageIndex } from '@mabuild/oci';
import { startTestRegistry, type TestRegistry } from '@mabuild/registry/testing';
import { expect } from 'chai';
import { addToImageIndex, createImageIndex } from 'mabuild';
import { eventually } from '../support/eventually.ts';
import { makePlatform, onlyImage, publish } from '../support/published.ts';

describe('writers of one tag, one of them held up in the middle of its write', () => {
  let directory: string;
  let registry: TestRegistry;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mabuild-slow-'));
    registry = await startTestRegistry();
    for (const name of ['amd64', 'arm64']) {
      await publish(await onlyImage(makePlatform(`linux/${name}`)), `${registry.host}/app:${name}`);
    }
  });
  afterEach(async () => {
    await registry.close();
    await rm(directory, { recursive: true, force: true });
  });

  const environment = () => ({ cacheDirectory: join(directory, 'cache'), homeDirectory: directory });

  function add(name: string, settle: number, warnings: string[] = []) {
    return addToImageIndex(
      { destination: `${registry.host}/app:1`, sources: [`${registry.host}/app:${name}`] },
      {
        environment: environment(),
        config: {},
        settle,
        onEvent: (event) => void (event.type === 'warning' && warnings.push(event.code)),
      },
    );
  }

  function platforms(): readonly string[] {
    const { bytes } = registry.manifest('app', '1') ?? { bytes: Buffer.from('{"manifests":[]}') };
    const index: ImageIndex = JSON.parse(bytes.toString());
    return index.manifests.map(({ platform }) => (platform ? formatPlatform(platform) : 'none')).sort();
  }

  /** Starts a writer whose write arrives late, and waits until the registry has the request. */
  async function heldUp<T>(delay: number, write: () => Promise<T>): Promise<{ readonly done: Promise<T> }> {
    registry.faults.push({ method: 'PUT', url: /manifests\/1$/, delay });
    const done = write();
    await eventually(async () => {
      if (!registry.requests.some(({ method, url }) => method === 'PUT' && url.endsWith('/manifests/1'))) {
        throw new Error('nobody has written yet');
      }
    });
    return { done };
  }

  it('the other one puts back what was overwritten, and both are there', async () => {
    const warnings: string[] = [];
    const slow = await heldUp(600, () => add('amd64', 1000, warnings));
    await Promise.all([slow.done, add('arm64', 1000, warnings)]);
    expect(platforms()).to.deep.equal(['linux/amd64', 'linux/arm64']);
    expect(warnings).to.deep.equal([]);
  });

  it('whoever was held up puts back what came meanwhile, when the other one is long gone', async () => {
    const slow = await heldUp(800, () => add('amd64', 80));
    const gone = await add('arm64', 80);
    expect(platforms()).to.deep.equal(['linux/arm64']);
    const both = await slow.done;
    expect(platforms()).to.deep.equal(['linux/amd64', 'linux/arm64']);
    expect(both.images).to.have.length(2);
    expect(gone.images).to.have.length(1);
  });

  it('of two that replace the tag, at most one is told that it is done, and the tag is as it says', async () => {
    const create = (name: string) =>
      createImageIndex(
        { tags: [`${registry.host}/app:1`], sources: [`${registry.host}/app:${name}`] },
        { environment: environment(), config: {}, settle: 1000 },
      );
    const slow = await heldUp(600, () => create('amd64'));
    const ends = await Promise.allSettled([slow.done, create('arm64')]);
    const done = ends.flatMap((end) => (end.status === 'fulfilled' ? [end.value.digest] : []));
    const told = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason.code] : []));
    expect(told).to.have.length.greaterThan(0);
    for (const code of told) expect(code).to.equal('REGISTRY_TAG_MOVED');
    for (const digest of done) expect(digest).to.equal(registry.tagOf('app', '1'));
  });
});
