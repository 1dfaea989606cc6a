import { join } from 'node:path';
import { expect } from 'chai';
import { type CliResult, mabuildOk, mabuild as runMabuild } from '../support/cli.ts';
import { type DockerJudge, dockerJudge } from '../support/docker.ts';
import { findNewerEngines, findServices, type NewerEngine, type Services } from '../support/services.ts';
import { copyAll, digestOfTag, publishedImages } from '../support/skopeo.ts';
import { repositoryRoot } from '../support/sources.ts';
import { makeWorkspace, type Workspace } from '../support/workspace.ts';

const machines = { 'linux/amd64': 'x86_64', 'linux/arm64': 'aarch64', 'linux/arm/v7': 'armv7l' };
const platforms = Object.keys(machines) as readonly (keyof typeof machines)[];
const fixture = join(repositoryRoot, 'test/fixtures/multi-stage');

const services = findServices();
const engines = services === undefined ? [] : findNewerEngines();

describe('newer Docker Engines', () => {
  if (engines.length === 0 || services === undefined)
    it('skipped: needs what `node scripts/with-newer-engines.mjs` starts');
  else for (const engine of engines) describe(`with ${engine.store}`, () => holdsTheJob(engine, services));
});

function holdsTheJob({ store, host }: NewerEngine, { registry, dockerHost }: Services): void {
  const judge = dockerJudge(host);
  let workspace: Workspace;
  const mabuild = (...args: string[]): Promise<CliResult> =>
    mabuildOk(args, { workspace, env: { DOCKER_HOST: host } });
  const mabuildResult = (...args: string[]): Promise<CliResult> =>
    runMabuild(args, { workspace, env: { DOCKER_HOST: host } });

  before(async function () {
    this.timeout(30_000);
    workspace = await makeWorkspace();
  });
  after(() => workspace.remove());

  for (const builder of ['classic', 'buildkit']) {
    describe(builder, function () {
      this.timeout(120_000);
      const image = `${registry}/newer/${store}:${builder}`;
      const build = ['build', '--engine', builder, '--platform', platforms.join(',')];

      it('builds and pushes three platforms', async () => {
        await mabuild(...build, '--push', '-t', image, fixture);
        const images = await publishedImages(image);
        expect(images.map(({ listed }) => listed)).to.deep.equal(platforms);
        expect(images.map(({ configured }) => familiar(configured))).to.deep.equal(platforms);
        // skopeo checks each digest on the way.
        await copyAll(image, join(workspace.dir, `copy-${builder}`));
      });

      it('publishes the layers of the base as they are', async () => {
        const bases = new Set((await publishedImages(image)).map(({ layers }) => layers[0]));
        expect(bases).to.have.property('size', platforms.length);
        const other = `${registry}/newer/base:${store}-${builder}`;
        const context = await workspace.context({ Dockerfile: 'FROM busybox\n' }, `base-${builder}`);
        await mabuild(...build, '--push', '-t', other, context);
        const own = (await publishedImages(other)).map(({ layers }) => layers);
        expect(own).to.deep.equal([...bases].map((base) => [base]));
      });

      for (const platform of platforms)
        it(`built ${platform} on ${machines[platform]}`, async () => {
          await judge.pull(image, platform);
          const lines = (await judge.run(image, platform)).split('\n');
          expect(lines.slice(0, 2)).to.deep.equal([
            `machine: ${machines[platform]}`,
            `final-machine: ${machines[platform]}`,
          ]);
          await judge.removeImage(image);
        });

      it('exports nothing when nothing changed', async () => {
        const before = await digestOfTag(image);
        const { stderr } = await mabuild(...build, '--progress', 'plain', '--push', '-t', image, fixture);
        // BuildKit has steps of that name.
        expect(stderr).to.not.match(/\] exporting$/m);
        expect(await digestOfTag(image)).to.equal(before);
      });

      it('has the same layers when everything is exported again', async () => {
        const before = await publishedImages(image);
        const fresh = await makeWorkspace();
        try {
          await mabuildOk([...build, '--push', '-t', image, fixture], {
            workspace: fresh,
            env: { DOCKER_HOST: host },
          });
        } finally {
          await fresh.remove();
        }
        expect((await publishedImages(image)).map(({ layers }) => layers)).to.deep.equal(
          before.map(({ layers }) => layers),
        );
      });

      it('lends an emulator without publishing it', async () => {
        const fixture = join(repositoryRoot, 'test/fixtures/injection');
        await mabuild(...build, '--emulation', 'inject', '--push', '-t', image, fixture);
        await judge.pull(image, 'linux/arm/v7');
        expect(await judge.run(image, 'linux/arm/v7')).to.equal('armv7l\narmv7l\n');
        const paths = await judge.exportedPaths(image, 'linux/arm/v7');
        expect(paths.filter((path) => path.includes('qemu'))).to.deep.equal([]);
        await judge.removeImage(image);
      });

      it('reads what this frontend is new to', async () => {
        const text = [
          ...['FROM busybox AS made', 'RUN <<EOF', 'uname -m > /machine', 'EOF'],
          ...[
            'FROM busybox',
            'COPY --from=made --link /machine /machine',
            'COPY <<EOF /note',
            'hello',
            'EOF',
          ],
          ...['RUN --network=none cat /machine /note > /both', 'CMD ["cat", "/both"]', ''],
        ];
        const lines =
          builder === 'buildkit' ? text : text.map((line) => line.replace(/--(link|network=none) /, ''));
        const context = await workspace.context({ Dockerfile: lines.join('\n') }, `new-${builder}`);
        await mabuild(...build, '--push', '-t', image, context);
        for (const platform of platforms) {
          await judge.pull(image, platform);
          expect(await judge.run(image, platform)).to.equal(`${machines[platform]}\nhello\n`);
          await judge.removeImage(image);
        }
      });
    });
  }

  describe('--load', function () {
    this.timeout(120_000);
    const names = [`newer.example/${store}/app:1`, `newer.example/${store}/app:2`];
    after(() => removeAll(judge, names));

    it('keeps every platform that the store can hold, and names the others', async () => {
      const tags = names.flatMap((name) => ['-t', name]);
      const { stderr } = await mabuild(
        'build',
        '--platform',
        platforms.join(','),
        '--load',
        ...tags,
        fixture,
      );
      const kept = await judge.tags();
      expect(names.filter((name) => kept.includes(name))).to.deep.equal(names);
      if (store === 'graphdriver') {
        expect(stderr).to.include('only linux/amd64 was loaded; linux/arm64, linux/arm/v7 are not kept');
        return;
      }
      expect(stderr).to.not.include('not kept');
      for (const platform of platforms)
        expect(await judge.run(names[0] ?? '', platform, ['uname', '-m'])).to.equal(
          `${machines[platform]}\n`,
        );
    });

    it('lets `mabuild run` start what was loaded', async () => {
      for (const platform of store === 'containerd' ? platforms : (['linux/amd64'] as const)) {
        const { stdout } = await mabuild('run', '--platform', platform, names[0] ?? '', '--', 'uname', '-m');
        expect(stdout).to.equal(`${machines[platform]}\n`);
      }
      expect(await judge.containers()).to.deep.equal([]);
    });

    it('lets `mabuild push docker:` publish what was loaded', async () => {
      const target = `${registry}/newer/pushed:${store}`;
      const { stdout } = await mabuild('push', `docker:${names[0]}`, target);
      expect(stdout).to.equal(`${target}@${await digestOfTag(target)}\n`);
      if (store === 'containerd') {
        const images = await publishedImages(target);
        expect(images.map(({ configured }) => configured)).to.deep.equal(platforms);
      }
      await copyAll(target, join(workspace.dir, 'pushed'));
      expect(await workspace.leftovers()).to.deep.equal([]);
    });

    if (store === 'containerd') {
      it('lets `mabuild push docker:` leave out what was never pulled', async () => {
        const [source, target] = [`${registry}/newer/whole:1`, `${registry}/newer/part:1`];
        const elsewhere = engines.find((other) => other.store === 'graphdriver')?.host ?? dockerHost;
        await mabuildOk(['build', '--platform', platforms.join(','), '--push', '-t', source, fixture], {
          workspace,
          env: { DOCKER_HOST: elsewhere },
        });
        const [amd64, , armv7] = await publishedImages(source);
        await judge.pull(source, 'linux/arm/v7');
        const alone = await mabuildResult('push', `docker:${source}`, target);
        // Docker 28 can save one platform; before, that of the engine's host must be there.
        if (alone.status === 0) expect(await digestOfTag(target)).to.equal(armv7?.digest);
        else expect(alone.stderr).to.match(/cannot save its linux\/arm\/v7 image of .*\(IMAGE_NOT_FOUND\)/);
        await judge.pull(source, 'linux/amd64');
        await mabuild('push', `docker:${source}`, target);
        const pushed = (await publishedImages(target)).map(({ digest }) => digest);
        expect(pushed).to.deep.equal([amd64?.digest, armv7?.digest]);
        await removeAll(judge, [source]);
      });

      it('builds on what was loaded, for the platform asked for', async () => {
        const context = await workspace.context({ Dockerfile: `FROM ${names[1]}\nRUN uname -m\n` }, 'local');
        const own = `newer.example/${store}/child:1`;
        const { stderr } = await mabuild(
          ...['build', '--engine', 'buildkit', '--no-cache', '--platform', 'linux/arm64'],
          ...['--load', '-t', own, context],
        );
        expect(stderr).to.match(/\baarch64$/m);
        await removeAll(judge, [own]);
        // It would take layers of one platform and the config of another.
        const mixed = await mabuildResult(
          'build',
          '--engine',
          'classic',
          '--platform',
          'linux/arm64',
          context,
        );
        expect(mixed.stderr).to.match(/would mix up the platforms of \S+,.*\(NEEDS_BUILDKIT\)/);
      });
    }
  });
}

/** A base's arm64 is `arm64/v8`, which is `arm64`; some stores keep the variant and some do not. */
function familiar(platform: string): string {
  return platform.replace(/^linux\/arm64\/v8$/, 'linux/arm64');
}

async function removeAll(judge: DockerJudge, names: readonly string[]): Promise<void> {
  for (const name of names) await judge.removeImage(name);
}
