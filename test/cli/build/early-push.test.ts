import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startTestRegistry, type TestRegistry } from '@mabuild/registry/testing';
import { expect } from 'chai';
import { runCli } from '../../support/cli-run.ts';
import { type ContextFile, writeContext } from '../../support/embedded-builds.ts';

describe('build --push of the embedded engine', () => {
  let work = '';
  let registry: TestRegistry;
  beforeEach(async () => {
    work = await mkdtemp(join(tmpdir(), 'mabuild-early-'));
    registry = await startTestRegistry();
  });
  afterEach(async () => {
    await registry.close();
    await rm(work, { recursive: true, force: true });
  });

  const push = async (
    files: Readonly<Record<string, ContextFile>>,
    name: string,
    args: readonly string[] = [],
    env: Readonly<Record<string, string>> = {},
  ) => {
    const context = join(work, 'context');
    await writeContext(context, files);
    const before = registry.requests.length;
    const answer = await runCli(
      work,
      [
        ...['build', '--engine', 'embedded', '--quiet', '--platform', 'linux/amd64,linux/arm64'],
        ...[...args, '--push', '-t', `${registry.host}/${name}`, context],
      ],
      { PATH: process.env.PATH ?? '', ...env },
    );
    return { ...answer, requests: registry.requests.slice(before) };
  };
  const large = randomBytes(1_500_000).toString('base64');
  const files = {
    Dockerfile: 'FROM scratch\nARG TARGETARCH\nCOPY $TARGETARCH /payload\nCOPY both /both\n',
    ...{ amd64: `amd64 ${large}`, arm64: `arm64 ${large}`, both: `both ${large}` },
  };

  it('sends every layer once, and manifests after all of them', async () => {
    const { code, stderr, requests } = await push(files, 'app:1');
    expect(code, stderr).to.equal(0);
    const lines = requests.map(({ method, url }) => `${method} ${url}`);
    const begun = lines.filter((line) => line.startsWith('POST'));
    // Two layers of their own, one for both, two configs.
    expect(begun, begun.join('\n')).to.have.lengthOf(5);
    const lastBlob = lines.findLastIndex((line) => /^PUT .*\/blobs\/uploads\//.test(line));
    const tag = lines.findIndex((line) => /^PUT .*\/manifests\/1$/.test(line));
    expect(tag).to.be.greaterThan(lastBlob);
  });

  it('asks one question when everything is there', async () => {
    await push(files, 'app:1');
    const { code, requests } = await push(files, 'app:1');
    expect(code).to.equal(0);
    expect(requests.map(({ method }) => method)).to.deep.equal(['HEAD']);
  });

  it('names nothing when a platform cannot be built', async () => {
    const failing = {
      ...files,
      Dockerfile: 'FROM scratch\nARG TARGETARCH\nCOPY $TARGETARCH /payload\nCOPY only-$TARGETARCH /\n',
      'only-amd64': 'here',
    };
    const { code, requests } = await push(failing, 'app:1');
    expect(code).to.equal(1);
    const written = requests.filter(({ method, url }) => method === 'PUT' && url.includes('/manifests/'));
    expect(written).to.deep.equal([]);
  });

  it('says what the registry refuses', async () => {
    registry.faults.push({ method: 'POST', url: /uploads/, status: 403, times: Number.POSITIVE_INFINITY });
    const { code, stderr } = await push(files, 'app:1');
    expect(code).to.equal(3);
    expect(stderr).to.match(/REGISTRY_DENIED|denied|403/);
  });

  describe('of layers that are large', () => {
    const huge = (): Buffer => randomBytes(17_000_000);
    const dockerfile = 'FROM scratch\nARG TARGETARCH\nCOPY $TARGETARCH /payload\n';
    const patches = (requests: readonly { readonly phase?: string }[]): number =>
      requests.filter(({ phase }) => phase === 'upload-patch').length;

    it('sends them while they are written, and asks no more of them when they are there', async () => {
      const context = { Dockerfile: dockerfile, amd64: huge(), arm64: huge() };
      const { code, stderr, requests } = await push(context, 'app:1');
      expect(code, stderr).to.equal(0);
      expect(patches(requests)).to.equal(2);
      expect(registry.openUploads()).to.deep.equal([]);
      const index = JSON.parse(String(registry.manifest('app', '1')?.bytes)) as {
        manifests: { digest: string }[];
      };
      for (const { digest } of index.manifests) {
        const { layers } = JSON.parse(String(registry.manifest('app', digest)?.bytes)) as {
          layers: { digest: string; size: number }[];
        };
        for (const layer of layers) expect(registry.blob('app', layer.digest)?.length).to.equal(layer.size);
      }
      const again = await push(context, 'app:2', ['--no-cache']);
      expect(again.code, again.stderr).to.equal(0);
      expect(patches(again.requests)).to.equal(0);
      // Configs tell when they were made.
      expect(Math.max(...again.requests.map(({ requestBytes }) => requestBytes))).to.be.lessThan(10_000);
    });

    it('waits until it knows what they are where others may have made the same', async () => {
      const context = { Dockerfile: dockerfile, amd64: huge(), arm64: huge() };
      const { code, requests } = await push(context, 'app:1', [], { SOURCE_DATE_EPOCH: '1600000000' });
      expect(code).to.equal(0);
      expect(patches(requests)).to.equal(0);
    });

    it('sends nothing of stages that the image does not stand on', async () => {
      const both = 'FROM scratch AS base\nCOPY both /both\n';
      const other = 'FROM scratch AS other\nARG TARGETARCH\nCOPY $TARGETARCH /other\nCOPY small /small\n';
      const last = 'FROM base\nCOPY --from=other /small /small\n';
      const Dockerfile = `${both}${other}${last}`;
      const context = { Dockerfile, both: huge(), amd64: huge(), arm64: huge(), small: 'small' };
      const { code, stderr, requests } = await push(context, 'app:1');
      expect(code, stderr).to.equal(0);
      expect(patches(requests)).to.equal(1);
    });

    it('leaves nothing of them at the registry when the build fails', async () => {
      const Dockerfile = `${dockerfile}COPY only-$TARGETARCH /\n`;
      const context = { Dockerfile, amd64: huge(), arm64: huge(), 'only-amd64': huge() };
      const { code } = await push(context, 'app:1');
      expect(code).to.equal(1);
      expect(registry.openUploads()).to.deep.equal([]);
    });
  });
});
