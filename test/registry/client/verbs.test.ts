import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { copyImage, digestOf, mediaTypes } from '@mabuild/oci';
import { expect } from 'chai';
import { type CommandWorld, withCommand } from '../../support/client-command.ts';
import { expectThere } from '../../support/client-images.ts';
import { type ClientCase, clientSuite } from '../../support/client-suite.ts';
import { machines, makeElf } from '../../support/elf.ts';
import { layoutRoots, make, realImage } from '../../support/interop.ts';
import { makeTar } from '../../support/tar.ts';

const platforms = ['linux/amd64', 'linux/arm64', 'linux/arm/v7'];

interface VerbCase extends Omit<ClientCase, 'run'> {
  readonly run: (world: CommandWorld) => Promise<void>;
}

/** The platforms that an index names, as `inspect` tells them. */
async function platformsAt({ json }: CommandWorld, reference: string): Promise<readonly string[]> {
  const { images } = (await json('inspect', reference)) as { images: readonly { platform: string }[] };
  return images.map(({ platform }) => platform);
}

const reading: readonly VerbCase[] = [
  {
    name: 'inspect lists platforms',
    async run(world) {
      const { image, name } = await world.published();
      const report = await world.json('inspect', `${name}:1`);
      expect(report).to.include({ digest: image.root.digest, mediaType: mediaTypes.ociIndex });
      expect(await platformsAt(world, `${name}:1`)).to.deep.equal(platforms);
    },
  },
  {
    name: 'inspect --raw gives the index byte for byte',
    async run({ published, ok }) {
      const { image, name } = await published();
      expect(await ok('inspect', '--raw', `${name}:1`)).to.equal(image.contents.at(-1)?.bytes.toString());
    },
  },
  {
    name: 'inspect --require tells a platform that is missing',
    async run({ published, run, ok }) {
      const { name } = await published();
      await ok('inspect', '--require', 'linux/arm64,linux/arm/v7', `${name}:1`);
      const { code } = await run('inspect', '--require', 'linux/riscv64', `${name}:1`);
      expect(code).to.equal(1);
    },
  },
  {
    name: 'inspect of what is not there',
    async run({ published, fails }) {
      const { name } = await published();
      await fails(1, 'IMAGE_NOT_FOUND', 'inspect', `${name}:missing`);
    },
  },
  {
    name: 'digest of a tag, and of one platform',
    async run({ published, ok }) {
      const { image, name, entries } = await published();
      expect(await ok('digest', `${name}:1`)).to.equal(image.root.digest);
      expect(await ok('digest', '--platform', 'linux/arm64', `${name}:1`)).to.equal(entries[1]?.digest);
    },
  },
  {
    name: 'digest of a platform that is not there',
    async run({ published, fails }) {
      const { name } = await published();
      await fails(1, 'PLATFORM_MISSING', 'digest', '--platform', 'linux/s390x', `${name}:1`);
    },
  },
  {
    name: 'manifest byte for byte, by tag, digest and platform',
    async run({ published, ok }) {
      const { image, name, entries } = await published();
      expect(digestOf(Buffer.from(await ok('manifest', `${name}:1`)))).to.equal(image.root.digest);
      for (const argv of [[`${name}@${entries[2]?.digest}`], ['--platform', 'linux/arm/v7', `${name}:1`]]) {
        expect(digestOf(Buffer.from(await ok('manifest', ...argv)))).to.equal(entries[2]?.digest);
      }
    },
  },
  {
    name: 'config of a platform',
    async run({ published, ok }) {
      const { name } = await published();
      const config = JSON.parse(await ok('config', '--platform', 'linux/arm/v7', `${name}:1`));
      expect(config).to.include({ os: 'linux', architecture: 'arm', variant: 'v7' });
    },
  },
  {
    name: 'config of an index asks which',
    async run({ published, run }) {
      const { name } = await published();
      const { code, stderr } = await run('config', `${name}:1`);
      expect(stderr).to.contain('linux/arm/v7');
      expect(code).to.be.oneOf([1, 2]);
    },
  },
  {
    name: 'blob by its digest',
    async run({ published, ok }) {
      const { image, name } = await published();
      const config = image.contents.find(({ descriptor }) => descriptor.mediaType === mediaTypes.ociConfig);
      expect(await ok('blob', `${name}@${config?.descriptor.digest}`)).to.equal(config?.bytes.toString());
    },
  },
  {
    name: 'blob that is not there',
    async run({ published, fails }) {
      const { name } = await published();
      await fails(3, 'BLOB_NOT_FOUND', 'blob', `${name}@${digestOf('nothing')}`);
    },
  },
  {
    name: 'ls in the order of characters',
    async run({ published, ok, json }) {
      const { name } = await published('b', 'a', 'C');
      expect(await ok('ls', name)).to.equal('C\na\nb');
      expect(await json('ls', name)).to.deep.include({ tags: ['C', 'a', 'b'] });
    },
  },
  {
    name: 'ls of what is not there',
    async run({ host, fails }) {
      await fails(1, 'REPOSITORY_NOT_FOUND', 'ls', `${host}/nobody/nothing`);
    },
  },
  {
    name: 'catalog',
    needs: ['catalog'],
    async run({ published, ok, host }) {
      const { place } = await published();
      expect((await ok('catalog', host)).split('\n')).to.include(place.repository);
    },
  },
  {
    name: 'catalog where there is none',
    lacks: 'catalog',
    run: async ({ fails, host }) => void (await fails(3, 'REGISTRY_UNSUPPORTED', 'catalog', host)),
  },
  {
    name: 'verify of an image that is what it says',
    async run({ published, json }) {
      const { name } = await published();
      const report = await json('verify', `${name}:1`);
      expect(report).to.have.property('ok', true);
    },
  },
  {
    name: 'verify of an entry that lies',
    async run({ client, repository, run }) {
      const image = make((maker) => {
        const entry = realImage(maker, { os: 'linux', architecture: 'amd64' });
        return maker.index([{ ...entry, platform: { os: 'linux', architecture: 'arm64' } }]);
      });
      const to = repository();
      await copyImage(image.source, client.sink(to), { tags: ['1'] });
      const { code, stdout } = await run('verify', `${to.registry}/${to.repository}:1`);
      expect(stdout).to.match(/linux\/arm64.*linux\/amd64|amd64/s);
      expect(code).to.equal(1);
    },
  },
  {
    name: 'verify of a whole repository',
    async run({ published, json }) {
      const { name } = await published('1', '2');
      const report = await json('verify', '--all-tags', name);
      expect(report).to.have.property('ok', true);
    },
  },
];

const writing: readonly VerbCase[] = [
  {
    name: 'tag gives an image another name',
    async run({ published, ok, another }) {
      const { image, name, place } = await published();
      expect(await ok('tag', `${name}:1`, '2')).to.equal(`${name}:2@${image.root.digest}`);
      await expectThere(another(), { ...place, tag: '2' }, image);
    },
  },
  {
    name: 'tag of what is not there',
    async run({ published, fails }) {
      const { name } = await published();
      await fails(1, 'IMAGE_NOT_FOUND', 'tag', `${name}:missing`, '2');
    },
  },
  {
    name: 'delete of a manifest',
    needs: ['delete manifests'],
    async run({ published, ok, fails }) {
      const { name } = await published('1', '2');
      await ok('delete', '--manifest', `${name}:1`);
      for (const tag of ['1', '2']) await fails(1, 'IMAGE_NOT_FOUND', 'digest', `${name}:${tag}`);
    },
  },
  {
    name: 'delete of a tag',
    needs: ['delete tags'],
    async run({ published, ok, fails }) {
      const { image, name } = await published('1', '2');
      await ok('delete', `${name}:1`);
      await fails(1, 'IMAGE_NOT_FOUND', 'digest', `${name}:1`);
      expect(await ok('digest', `${name}:2`)).to.equal(image.root.digest);
    },
  },
  {
    name: 'delete of a tag where only manifests go',
    lacks: 'delete tags',
    async run({ published, ok, fails }) {
      const { image, name } = await published('1');
      await fails(3, 'REGISTRY_UNSUPPORTED', 'delete', `${name}:1`);
      expect(await ok('digest', `${name}:1`)).to.equal(image.root.digest);
    },
  },
  {
    name: 'pull to an OCI layout, and push from there',
    async run({ published, ok, directory, another, repository }) {
      const { image, name } = await published();
      const to = repository();
      await ok('pull', '--progress', 'quiet', `${name}:1`, 'oci:layout:1');
      expect(await layoutRoots(join(directory, 'layout'))).to.deep.equal([image.root.digest]);
      await ok('push', '--progress', 'quiet', 'oci:layout:1', `${to.registry}/${to.repository}:1`);
      await expectThere(another(), { ...to, tag: '1' }, image);
    },
  },
  {
    name: 'pull to an OCI archive, and push from there',
    async run({ published, ok, another, repository }) {
      const { image, name } = await published();
      const to = repository();
      await ok('pull', '--progress', 'quiet', `${name}:1`, 'oci-archive:image.tar:1');
      await ok('push', '--progress', 'quiet', 'oci-archive:image.tar', `${to.registry}/${to.repository}:1`);
      await expectThere(another(), { ...to, tag: '1' }, image);
    },
  },
  {
    name: 'pull of one platform as docker saves it, and push from there',
    async run(world) {
      const { published, ok, repository } = world;
      const { name } = await published();
      const { registry, repository: path } = repository();
      const to = `${registry}/${path}:1`;
      await ok(
        ...['pull', '--progress', 'quiet', '--platform', 'linux/arm/v7', `${name}:1`],
        'docker-archive:image.tar',
      );
      await ok('push', '--progress', 'quiet', 'docker-archive:image.tar', to);
      expect(await platformsAt(world, to)).to.deep.equal(['linux/arm/v7']);
    },
  },
  {
    name: 'copy of everything',
    async run({ published, ok, another, repository }) {
      const { image, name } = await published();
      const to = repository();
      await ok('copy', '--progress', 'quiet', `${name}:1`, `${to.registry}/${to.repository}:1`);
      await expectThere(another(), { ...to, tag: '1' }, image);
    },
  },
  {
    name: 'copy of one platform as the image that it is',
    async run({ published, ok, repository }) {
      const { name, entries } = await published();
      const { registry, repository: path } = repository();
      const to = `${registry}/${path}:1`;
      await ok('copy', '--progress', 'quiet', '--platform', 'linux/arm64', `${name}:1`, to);
      expect(await ok('digest', to)).to.equal(entries[1]?.digest);
    },
  },
  {
    name: 'copy of two platforms as an index of them',
    async run(world) {
      const { published, ok, repository } = world;
      const { name } = await published();
      const { registry, repository: path } = repository();
      const to = `${registry}/${path}:1`;
      await ok('copy', '--progress', 'quiet', '--platform', 'linux/arm64,linux/arm/v7', `${name}:1`, to);
      expect(await platformsAt(world, to)).to.deep.equal(['linux/arm64', 'linux/arm/v7']);
    },
  },
  {
    name: 'copy of every tag',
    async run({ published, ok, repository }) {
      const { image, name } = await published('1', '2', 'latest');
      const { registry, repository: path } = repository();
      const to = `${registry}/${path}`;
      await ok('copy', '--progress', 'quiet', '--all-tags', name, to);
      expect(await ok('ls', to)).to.equal('1\n2\nlatest');
      expect(await ok('digest', `${to}:2`)).to.equal(image.root.digest);
    },
  },
  {
    name: 'import of a root filesystem',
    async run(world) {
      const { directory, ok, repository } = world;
      const { registry, repository: path } = repository();
      const elf = makeElf({ machine: machines.arm64, type: 2 });
      const tar = makeTar([
        { path: 'bin/sh', mode: 0o755, content: elf },
        { path: 'etc/os-release', content: 'ID=test\n' },
      ]);
      await writeFile(join(directory, 'rootfs.tar.gz'), gzipSync(tar));
      const to = `${registry}/${path}:1`;
      await ok('import', '--progress', 'quiet', '-t', to, 'rootfs.tar.gz');
      expect(await platformsAt(world, to)).to.deep.equal(['linux/arm64']);
      await ok('verify', to);
    },
  },
  {
    name: 'index create joins images of their own',
    async run(world) {
      const { client, repository, ok } = world;
      const sources: string[] = [];
      for (const [at, architecture] of ['amd64', 'arm64'].entries()) {
        const { registry, repository: path } = repository();
        const image = make((maker) => realImage(maker, { os: 'linux', architecture }));
        await copyImage(image.source, client.sink({ registry, repository: path }), { tags: [`${at}`] });
        sources.push(`${registry}/${path}:${at}`);
      }
      const { registry, repository: path } = repository();
      const to = `${registry}/${path}:1`;
      await ok('index', 'create', '--progress', 'quiet', '-t', to, ...sources);
      expect(await platformsAt(world, to)).to.deep.equal(['linux/amd64', 'linux/arm64']);
      await ok('verify', to);
    },
  },
  {
    name: 'index create flattens an index, and takes some of its platforms',
    async run(world) {
      const { published, repository, ok } = world;
      const { name } = await published();
      const { registry, repository: path } = repository();
      const to = `${registry}/${path}:1`;
      await ok(
        ...['index', 'create', '--progress', 'quiet', '--platform', 'linux/arm64,linux/arm/v7'],
        ...['-t', to, `${name}:1`],
      );
      expect(await platformsAt(world, to)).to.deep.equal(['linux/arm64', 'linux/arm/v7']);
    },
  },
  {
    name: 'index create refuses one platform twice',
    async run({ published, fails, repository }) {
      const [first, second] = [await published(), await published()];
      const { registry, repository: path } = repository();
      const to = `${registry}/${path}:1`;
      const argv = [
        'index',
        'create',
        '--progress',
        'quiet',
        '-t',
        to,
        `${first.name}:1`,
        `${second.name}:1`,
      ];
      await fails(2, 'DUPLICATE_PLATFORM', ...argv);
      await fails(1, 'IMAGE_NOT_FOUND', 'digest', to);
    },
  },
  {
    name: 'index create --dry-run writes nothing',
    async run({ published, ok, fails, repository }) {
      const { name } = await published();
      const { registry, repository: path } = repository();
      const to = `${registry}/${path}:1`;
      const shown = await ok('index', 'create', '--dry-run', '--progress', 'quiet', '-t', to, `${name}:1`);
      expect(JSON.parse(shown).manifests).to.have.length(3);
      await fails(1, 'IMAGE_NOT_FOUND', 'digest', to);
    },
  },
  {
    name: 'index add, remove and annotate',
    needs: ['move tags'],
    async run(world) {
      const { client, repository, ok, published } = world;
      const { name } = await published();
      const to = repository();
      const image = make((maker) => realImage(maker, { os: 'linux', architecture: 'riscv64' }));
      await copyImage(image.source, client.sink(to), { tags: ['riscv64'] });
      const quiet = ['--progress', 'quiet'];
      await ok('index', 'add', ...quiet, `${name}:1`, `${to.registry}/${to.repository}:riscv64`);
      expect(await platformsAt(world, `${name}:1`)).to.deep.equal([...platforms, 'linux/riscv64']);
      await ok('index', 'remove', ...quiet, `${name}:1`, '--platform', 'linux/amd64');
      expect(await platformsAt(world, `${name}:1`)).to.deep.equal([...platforms.slice(1), 'linux/riscv64']);
      await ok('index', 'annotate', ...quiet, `${name}:1`, 'org.example.note=a note');
      const index = JSON.parse(await ok('manifest', `${name}:1`));
      expect(index.annotations).to.deep.equal({ 'org.example.note': 'a note' });
    },
  },
  {
    name: 'index add where nothing was yet',
    async run(world) {
      const { published, repository, ok } = world;
      const { name } = await published();
      const { registry, repository: path } = repository();
      const to = `${registry}/${path}:1`;
      await ok('index', 'add', '--progress', 'quiet', '--platform', 'linux/arm64', to, `${name}:1`);
      expect(await platformsAt(world, to)).to.deep.equal(['linux/arm64']);
    },
  },
  {
    name: 'merge of what runners pushed by digest',
    async run(world) {
      const { client, directory, repository, ok } = world;
      const to = repository();
      await mkdir(join(directory, 'digests'));
      for (const architecture of ['amd64', 'arm64']) {
        const image = make((maker) => realImage(maker, { os: 'linux', architecture }));
        await copyImage(image.source, client.sink(to));
        await writeFile(join(directory, 'digests', image.root.digest.replace(/^sha256:/, '')), '');
      }
      const name = `${to.registry}/${to.repository}:1`;
      await ok('merge', '--progress', 'quiet', '-t', name, '--digests', 'digests');
      expect([...(await platformsAt(world, name))].sort()).to.deep.equal(['linux/amd64', 'linux/arm64']);
    },
  },
  {
    name: 'merge of too few writes nothing',
    async run({ client, directory, repository, run, fails }) {
      const to = repository();
      await mkdir(join(directory, 'digests'));
      const image = make((maker) => realImage(maker, { os: 'linux', architecture: 'arm64' }));
      await copyImage(image.source, client.sink(to));
      await writeFile(join(directory, 'digests', image.root.digest.replace(/^sha256:/, '')), '');
      const name = `${to.registry}/${to.repository}:1`;
      const argv = ['merge', '--progress', 'quiet', '-t', name, '--digests', 'digests'];
      const { code } = await run(...argv, '--require', 'linux/amd64,linux/arm64');
      expect(code).to.equal(1);
      await fails(1, 'IMAGE_NOT_FOUND', 'digest', name);
    },
  },
  {
    name: 'push of an image that lies is refused',
    async run({ directory, run, repository, fails }) {
      const image = make((maker) => {
        const entry = realImage(maker, { os: 'linux', architecture: 'amd64' });
        return maker.index([{ ...entry, platform: { os: 'linux', architecture: 'arm64' } }]);
      });
      const { createLayoutSink } = await import('@mabuild/oci');
      await copyImage(image.source, await createLayoutSink(join(directory, 'layout')), { tags: ['1'] });
      const { registry, repository: path } = repository();
      const to = `${registry}/${path}:1`;
      const { code, stderr } = await run('push', '--progress', 'quiet', 'oci:layout:1', to);
      expect(stderr).to.contain('VERIFICATION_FAILED');
      expect(code).to.equal(1);
      await fails(1, 'IMAGE_NOT_FOUND', 'digest', to);
    },
  },
  {
    name: 'errors are one document with --format json',
    async run({ published, run }) {
      const { name } = await published();
      const { stderr, stdout } = await run('inspect', '--format', 'json', `${name}:missing`);
      expect(stdout).to.equal('');
      expect(JSON.parse(stderr)).to.deep.include({ version: 1 });
      expect(JSON.parse(stderr).error).to.include({ code: 'IMAGE_NOT_FOUND' });
    },
  },
  {
    name: 'pull again to the same layout changes nothing',
    async run({ published, ok, directory }) {
      const { image, name } = await published();
      await ok('pull', '--progress', 'quiet', `${name}:1`, 'oci:one');
      await ok('pull', '--progress', 'quiet', `${name}:1`, 'oci:one');
      const index = JSON.parse(await readFile(join(directory, 'one', 'index.json'), 'utf8'));
      expect(index.manifests.map(({ digest }: { digest: string }) => digest)).to.deep.equal([
        image.root.digest,
      ]);
    },
  },
];

/** The user of the registries that ask for a password. */
const user = 'ci';
const password = 'ci-pass';
const nothing = { DOCKER_AUTH_CONFIG: '' };

const access: readonly VerbCase[] = [
  {
    name: 'login keeps what the registry takes, and logout forgets it',
    needs: ['password'],
    async run({ published, runWith, host }) {
      const { image, name } = await published();
      const login = ['login', host, '-u', user, '--password-stdin'];
      const digest = () => runWith({ environment: nothing }, 'digest', `${name}:1`);
      const signedIn = await runWith({ environment: nothing, input: `${password}\n` }, ...login);
      expect(signedIn.stdout).to.equal(`signed in to ${host} as ${user}\n`);
      expect((await digest()).stdout).to.equal(`${image.root.digest}\n`);
      const signedOut = await runWith({ environment: nothing }, 'logout', host);
      expect(signedOut.stdout).to.equal(`signed out of ${host}\n`);
    },
  },
  {
    name: 'login refuses what the registry does not take',
    needs: ['password'],
    async run({ runWith, directory, host }) {
      const login = ['login', host, '-u', user, '--password-stdin'];
      const { code, stderr } = await runWith({ environment: nothing, input: 'a-wrong-password' }, ...login);
      expect(stderr).to.contain('REGISTRY_UNAUTHORIZED').and.not.contain('a-wrong-password');
      expect(code).to.equal(3);
      const kept = await readFile(join(directory, '.docker', 'config.json'), 'utf8').catch(() => undefined);
      expect(kept).to.equal(undefined);
    },
  },
  {
    name: 'reads with the password that podman keeps for a repository',
    needs: ['password'],
    async run({ published, runWith, directory, host }) {
      const { image, name, place } = await published();
      const auth = (text: string) => ({ auth: Buffer.from(text).toString('base64') });
      const auths = {
        [host]: auth(`${user}:wrong`),
        [`${host}/${place.repository}`]: auth(`${user}:${password}`),
      };
      const file = join(directory, 'auth.json');
      await writeFile(file, JSON.stringify({ auths }));
      const environment = { ...nothing, REGISTRY_AUTH_FILE: file };
      const { stdout, stderr } = await runWith({ environment }, 'manifest', `${name}:1`);
      expect(stderr).to.equal('');
      expect(digestOf(Buffer.from(stdout))).to.equal(image.root.digest);
    },
  },
  {
    name: 'reads the names of another registry through it, as through a mirror',
    lacks: 'tls',
    async run({ published, ok, host }) {
      const { image, place } = await published();
      const mirror = ['--mirror', `registry.example=http://${host}`];
      expect(await ok('digest', ...mirror, `registry.example/${place.repository}:1`)).to.equal(
        image.root.digest,
      );
    },
  },
];

clientSuite(
  'verbs',
  [...reading, ...writing, ...access].map(({ run, ...about }) => ({ ...about, run: withCommand(run) })),
  [
    'the test registry with a password',
    'the test registry with tokens',
    'the test registry as distribution',
    'the test registry as docker-hub',
    'the test registry as ghcr',
    'the test registry as harbor',
    'the test registry as gitlab',
  ],
);
