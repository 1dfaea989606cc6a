import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { copyImage, createLayoutSink, type ImageReference, verifyImage } from '@mabuild/oci';
import { createRegistryClient, type RegistryClient } from '@mabuild/registry';
import { startTestRegistry, type TestRegistry } from '@mabuild/registry/testing';
import { expect } from 'chai';
import { build } from 'esbuild';
import { type MadeImage, makeImage } from '../support/made-image.ts';
import { randomFrom } from '../support/random.ts';
import { findServices } from '../support/services.ts';
import { repositoryRoot } from '../support/sources.ts';
import { type Progress, startWatchedProxy } from '../support/watched-proxy.ts';

const points = 20;
const seed = Number(process.env.MABUILD_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));

function imageOf(size: number): MadeImage {
  return makeImage(
    ...['linux/amd64', 'linux/arm64', 'linux/arm/v7'].map((platform) => ({
      platform,
      plainTar: true,
      layers: [1, 2].map((number) => [{ path: `data-${number}`, content: randomBytes(size) }]),
    })),
  );
}

/** The command killed in the middle of a push; `test/support/cli-source.ts` is what runs. */
describe(`a push that is killed (seed ${seed})`, function () {
  this.timeout(180_000);
  const services = findServices();
  const [older, image] = [imageOf(10), imageOf(1_000_000)];
  let directory: string;
  let program: string;
  let own: TestRegistry | undefined;
  let registry: string;
  let client: RegistryClient;
  let whole: Progress = { requests: 0, bytes: 0 };

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mabuild-sigkill-'));
    program = join(directory, 'program', 'cli-source.mjs');
    await build({
      entryPoints: [join(repositoryRoot, 'test/support/cli-source.ts')],
      outdir: join(directory, 'program'),
      outExtension: { '.js': '.mjs' },
      bundle: true,
      splitting: true,
      platform: 'node',
      format: 'esm',
      logLevel: 'error',
      conditions: ['@mabuild/source'],
      banner: {
        js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);",
      },
    });
    await copyImage(image, await createLayoutSink(join(directory, 'image')), { tags: ['latest'] });
    own = services === undefined ? await startTestRegistry({ profile: 'distribution' }) : undefined;
    registry = own?.host ?? services?.registry ?? '';
    client = createRegistryClient();
    whole = await push('calibration', () => undefined);
    expect(await tagAt('calibration')).to.equal(image.root.digest);
  });

  after(async () => {
    await client?.close();
    await own?.close();
    await rm(directory, { recursive: true, force: true });
  });

  function at(name: string, host: string = registry): ImageReference {
    return { registry: host, repository: `sigkill-${process.pid}/${name}`, tag: 'latest' };
  }

  /** The digest that the tag points at. */
  async function tagAt(name: string): Promise<string | undefined> {
    try {
      return (await client.resolve(at(name))).root.digest;
    } catch (error) {
      expect(error).to.have.property('code', 'IMAGE_NOT_FOUND');
      return undefined;
    }
  }

  function start(host: string, name: string): ChildProcess {
    const reference = `${host}/${at(name).repository}:latest`;
    return spawn(process.execPath, [program, 'push', `oci:${join(directory, 'image')}`, reference], {
      stdio: 'ignore',
      env: {
        PATH: process.env.PATH,
        HOME: directory,
        MABUILD_CACHE: join(directory, 'cache'),
        NO_COLOR: '1',
      },
    });
  }

  /** Pushes with the command, until it ends or is killed. @returns how far it was, and which of both. */
  async function push(
    name: string,
    isOver: (progress: Progress) => boolean | undefined,
  ): Promise<Progress & { readonly killed: boolean }> {
    let last: Progress = { requests: 0, bytes: 0 };
    let child: ChildProcess | undefined;
    const proxy = await startWatchedProxy(registry, (progress) => {
      last = progress;
      if (isOver(progress) === true) child?.kill('SIGKILL');
    });
    child = start(proxy.host, name);
    const [code, signal] = await once(child, 'exit');
    await proxy.close();
    expect(signal ?? code, 'how the push ended').to.be.oneOf([0, 'SIGKILL']);
    return { ...last, killed: signal === 'SIGKILL' };
  }

  const random = randomFrom(seed);
  let kills = 0;
  for (let point = 0; point < points; point += 1) {
    const fraction = random();
    const byBytes = point % 2 === 0;
    const over = random() < 0.5;
    const title = `after ${(fraction * 100).toFixed(1)} % of its ${byBytes ? 'bytes' : 'requests'}`;

    it(`${title}${over ? ', over an older image' : ''}`, async () => {
      const name = `point-${point}`;
      if (over) {
        await copyImage(older, client.sink(at(name)), { tags: ['latest'] });
      }
      const end = byBytes ? fraction * whole.bytes : 1 + Math.floor(fraction * whole.requests);
      const { killed } = await push(name, ({ bytes, requests }) => (byBytes ? bytes : requests) >= end);
      kills += Number(killed);
      // A calibration that had to repeat a request leaves late points behind the end of a push.
      const ended = killed ? lastMoments(fraction, byBytes, over) : [image.root.digest];
      // The last request but one writes the tag, and may have arrived.
      expect(await tagAt(name)).to.be.oneOf(ended);

      await push(name, () => undefined);
      expect(await tagAt(name)).to.equal(image.root.digest);
      const report = await verifyImage(await client.resolve(at(name)));
      expect(report.ok, JSON.stringify(report)).to.equal(true);
      expect(report.images).to.have.length(3);
    });
  }

  it('came before the end of most pushes', () => {
    expect(kills).to.be.greaterThan(points / 2);
  });

  function lastMoments(fraction: number, byBytes: boolean, over: boolean): readonly (string | undefined)[] {
    const before = over ? older.root.digest : undefined;
    const request = 1 + Math.floor(fraction * whole.requests);
    const written = !byBytes && request > whole.requests - 2;
    return written || (byBytes && fraction > 0.99) ? [before, image.root.digest] : [before];
  }
});
