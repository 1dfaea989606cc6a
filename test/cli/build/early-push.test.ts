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
      { PATH: process.env.PATH ?? '' },
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
});
