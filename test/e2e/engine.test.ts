import { createReadStream } from 'node:fs';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import {
  type BuildContext,
  BuildFailedError,
  detectEngine,
  type Emulation,
  type Engine,
  type EngineBuild,
} from '@mabuild/core';
import {
  type CredentialSource,
  decompressed,
  digestOf,
  formatPlatform,
  isMabuildError,
  parsePlatform,
  parseReference,
  readTarEntries,
} from '@mabuild/oci';
import { expect } from 'chai';
import { type Memory, openMemory } from '../../packages/core/src/memory.ts';
import { run as runProgram } from '../../scripts/lib/run.mjs';
import { dockerJudge } from '../support/docker.ts';
import { engineBuild } from '../support/engine-build.ts';
import { servicesDescribe } from '../support/services.ts';

const platforms = ['linux/amd64', 'linux/arm64', 'linux/arm/v7'] as const;
const machines: Readonly<Record<string, string>> = {
  'linux/amd64': 'x86_64',
  'linux/arm64': 'aarch64',
  'linux/arm/v7': 'armv7l',
};
const anonymous: CredentialSource = { credentialFor: async () => undefined };

/** A context that lies in memory. */
function contextOf(files: Readonly<Record<string, string>>): BuildContext {
  return {
    async *entries() {
      for (const path of Object.keys(files).sort())
        yield { path, type: 'file', mode: 0o644, size: Buffer.byteLength(files[path] ?? ''), mtimeMs: 0 };
    },
    open: async (path) => Readable.from([Buffer.from(files[path] ?? '')]),
    close: async () => {},
  };
}

servicesDescribe('a Docker Engine', (services) => {
  let engine: Engine;
  let directory: string;
  const judge = dockerJudge(services.dockerHost);
  const open = (kernelRelease?: string, memory?: Memory): Promise<Engine> =>
    detectEngine({
      environment: { DOCKER_HOST: services.dockerHost },
      homeDirectory: '/nonexistent',
      platform: process.platform,
      kernelRelease,
      memory,
    });
  const thrownBy = (promise: Promise<unknown>): Promise<unknown> =>
    promise.then(
      () => expect.fail('resolved'),
      (error) => error,
    );

  before(async () => {
    engine = await open(release());
    directory = await mkdtemp(join(tmpdir(), 'mabuild-engine-'));
  });
  after(async () => {
    await engine.close();
    await rm(directory, { recursive: true, force: true });
  });

  /** A platform's own busybox, by its manifest's digest: the only name that the classic builder cannot get wrong. */
  const bases = new Map<string, string>();
  async function busybox(platform: string): Promise<string> {
    const known = bases.get(platform);
    if (known !== undefined) return known;
    const source =
      services.mirror === undefined
        ? 'docker.io/library/busybox'
        : `${new URL(services.mirror).host}/library/busybox`;
    const stdout = await runProgram('skopeo', [
      'inspect',
      '--raw',
      '--tls-verify=false',
      `docker://${source}:latest`,
    ]);
    const wanted = parsePlatform(platform);
    const { manifests } = JSON.parse(stdout) as {
      manifests: { digest: string; platform: { architecture: string; variant?: string } }[];
    };
    const entry = manifests.find(
      ({ platform: found }) =>
        found.architecture === wanted.architecture &&
        (wanted.variant === undefined || found.variant === wanted.variant),
    );
    bases.set(platform, `busybox@${entry?.digest}`);
    return `busybox@${entry?.digest}`;
  }

  describe('is found', () => {
    it('and says what it is', () => {
      expect(engine.info).to.include({
        kind: 'docker',
        endpoint: services.dockerHost,
        foundBy: 'DOCKER_HOST',
        local: true,
      });
      expect(engine.info.apiVersion).to.match(/^1\.\d+$/);
      expect(engine.info.builders).to.include('classic');
      expect(engine.info.platform.os).to.equal('linux');
      if (services.mirror !== undefined)
        expect(engine.info.mirrors).to.include(services.mirror.replace(/\/$/, ''));
    });

    it('a named one that is dead is an error', async () => {
      const promise = detectEngine({
        environment: { DOCKER_HOST: 'unix:///nonexistent/d.sock' },
        homeDirectory: '/nonexistent',
        platform: 'linux',
      });
      const error = await thrownBy(promise);
      expect(isMabuildError(error) && error.code).to.equal('ENGINE_UNREACHABLE');
      expect((error as Error).message)
        .to.contain('unix:///nonexistent/d.sock')
        .and.contain('named by DOCKER_HOST');
    });

    it('none: every one that was tried is listed', async function () {
      const environment = { XDG_RUNTIME_DIR: join(directory, 'run') };
      const error = await detectEngine({ environment, homeDirectory: directory, platform: 'linux' }).then(
        (found) => found.close(),
        (thrown: unknown) => thrown,
      );
      // This machine may run an engine of its own at the default socket.
      if (error === undefined) return this.skip();
      expect(isMabuildError(error) && error.code).to.equal('NO_ENGINE');
      for (const tried of [
        '/var/run/docker.sock (default socket)',
        'run/docker.sock (rootless docker)',
        'podman.sock (podman)',
      ])
        expect((error as Error).message).to.contain(tried);
    });
  });

  describe('emulation', () => {
    it('its own platform is native', async () => {
      expect(await engine.emulation(engine.info.platform)).to.deep.equal({ kind: 'native' });
    });

    it('is read through containers as from this machine', async () => {
      const other = await open();
      try {
        for (const platform of [...platforms, 'linux/arm/v6', 'linux/386'].map((name) => parsePlatform(name)))
          expect(await other.emulation(platform), formatPlatform(platform)).to.deep.equal(
            await engine.emulation(platform),
          );
      } finally {
        await other.close();
      }
    });

    it('a processor that nobody registered is none', async () => {
      expect(await engine.emulation({ os: 'linux', architecture: 'unheard-of' })).to.deep.equal({
        kind: 'none',
      });
    });

    it('without the F flag: the newest entry and its path are found', async function () {
      const register = '/proc/sys/fs/binfmt_misc/register';
      const name = `mabuild-engine-test-${process.pid}`;
      const magic =
        '\\x7fELF\\x02\\x02\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x02\\x00\\x16';
      const mask =
        '\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\x00\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xfe\\xff\\xff';
      if (engine.info.platform.architecture === 's390x') return this.skip();
      const allowed = await writeFile(
        register,
        `:${name}:M::${magic}:${mask}:/opt/mabuild/qemu-s390x:P`,
      ).then(
        () => true,
        () => false,
      );
      // Registering needs root on the engine's host.
      if (!allowed) return this.skip();
      try {
        for (const kernel of [release(), undefined]) {
          const fresh = await open(kernel);
          const answer = await fresh.emulation(parsePlatform('linux/s390x')).finally(() => fresh.close());
          expect(answer).to.deep.equal({ kind: 'binfmt-without-f', interpreter: '/opt/mabuild/qemu-s390x' });
        }
      } finally {
        await writeFile(`/proc/sys/fs/binfmt_misc/${name}`, '-1');
      }
    });

    it('is remembered until something is registered', async function () {
      const memory = openMemory(join(directory, 'memory'));
      const again = async (): Promise<readonly Emulation[]> => {
        const fresh = await open(release(), memory);
        return await Promise.all(platforms.map((name) => fresh.emulation(parsePlatform(name)))).finally(() =>
          fresh.close(),
        );
      };
      const first = await again();
      const kept = await readdir(join(directory, 'memory', 'emulation')).catch(() => undefined);
      // Only an engine on this kernel can be watched for registrations.
      if (kept === undefined) return this.skip();
      expect(await again()).to.deep.equal(first);
      expect(await readdir(join(directory, 'memory', 'emulation'))).to.deep.equal(kept);
    });

    it('leaves no image and no container', async () => {
      expect((await judge.tags()).filter((tag) => tag.includes('mabuild-probe'))).to.deep.equal([]);
      expect(await judge.containers()).to.deep.equal([]);
    });

    it('an abort rejects at once, and closing cleans up', async () => {
      const fresh = await open();
      const reason = { why: 'enough' };
      const controller = new AbortController();
      const answer = fresh.emulation(parsePlatform('linux/arm64'), { signal: controller.signal });
      setTimeout(() => controller.abort(reason), 30);
      expect(await thrownBy(answer)).to.equal(reason);
      await fresh.close();
      expect((await judge.tags()).filter((tag) => tag.includes('mabuild-probe'))).to.deep.equal([]);
      expect(await judge.containers()).to.deep.equal([]);
    });
  });

  describe('the classic builder', function () {
    this.timeout(120_000);
    const build = async (
      wanted: EngineBuild,
      files: Readonly<Record<string, string>> = {},
      signal?: AbortSignal,
    ) => {
      const log: string[] = [];
      const image = await engine.build(wanted, contextOf(files), {
        credentials: anonymous,
        signal,
        onEvent: (event) => void (event.type === 'log' && log.push(event.text)),
      });
      return { image, log };
    };

    /** The classic builder loses the variant where the store is containerd's. */
    const labelled = (platform: string): string =>
      engine.info.imageStore === 'containerd' ? platform.replace(/\/v\d$/, '') : platform;

    for (const platform of platforms)
      it(`builds ${platform}`, async () => {
        const dockerfile = `FROM ${await busybox(platform)}\nARG WHO\nCOPY . /c\nRUN uname -m | tee /machine && ls -A /c && echo $WHO\n`;
        const wanted = engineBuild(platform, dockerfile, {
          buildArgs: { WHO: 'me' },
          labels: { a: 'b' },
          noCache: true,
        });
        const { image, log } = await build(wanted, { 'page.html': 'hello', Dockerfile: 'FROM other' });
        expect(formatPlatform(image.platform).startsWith(labelled(platform))).to.equal(true);
        // What we send besides the context is not seen by COPY.
        expect(log.map((line) => line.trim())).to.deep.equal([
          machines[platform],
          'Dockerfile',
          'page.html',
          'me',
        ]);
        const { stdout } = await engine.run({
          image: image.id,
          entrypoint: ['cat', '/machine', '/c/page.html'],
        });
        expect(stdout).to.equal(`${machines[platform]}\nhello`);
      });

    it("leaves the user's .dockerignore in the context", async () => {
      const dockerfile = `FROM ${await busybox('linux/amd64')}\nCOPY . /c\nRUN ls -A /c\n`;
      const { log } = await build(engineBuild('linux/amd64', dockerfile, { noCache: true }), {
        '.dockerignore': 'x\n',
        a: '',
      });
      expect(log.map((line) => line.trim())).to.deep.equal(['.dockerignore', 'a']);
    });

    it('stops at the target', async () => {
      const base = await busybox('linux/amd64');
      const dockerfile = `FROM ${base} AS one\nRUN echo one > /stage\nFROM ${base}\nRUN false\n`;
      const { image } = await build(engineBuild('linux/amd64', dockerfile, { target: 'one' }));
      const { stdout } = await engine.run({ image: image.id, command: ['cat', '/stage'] });
      expect(stdout).to.equal('one\n');
    });

    it('a failing RUN names line, exit code and output', async () => {
      const dockerfile = `ARG A=1\n\nFROM ${await busybox('linux/arm/v7')}\n# now\nRUN echo before; \\\n    echo oops >&2; exit 7\n`;
      const error = await thrownBy(build(engineBuild('linux/arm/v7', dockerfile)));
      expect(error).to.be.instanceOf(BuildFailedError);
      expect(error).to.include({ code: 'BUILD_FAILED', exitCode: 7 });
      expect((error as BuildFailedError).location?.line).to.equal(5);
      expect((error as BuildFailedError).output).to.have.members(['before', 'oops']);
    });

    const bad: readonly [string, string, Partial<EngineBuild>, string, RegExp][] = [
      [
        'an unknown instruction',
        'FROM scratch\nBOGUS x\n',
        {},
        'ENGINE_REFUSED',
        /unknown instruction: BOGUS/,
      ],
      [
        'an unknown target',
        'FROM scratch\nCOPY a /\n',
        { target: 'nowhere' },
        'ENGINE_REFUSED',
        /target stage|build target/,
      ],
      [
        'a file that is not there',
        'FROM scratch\nCOPY nothing /\n',
        {},
        'BUILD_FAILED',
        /at line 2 .*nothing/,
      ],
      ['a base that is not there', 'FROM 127.0.0.1:1/no/image:1\n', {}, 'BUILD_FAILED', /at line 1/],
    ];
    for (const [name, dockerfile, more, code, message] of bad)
      it(`refuses ${name}`, async () => {
        const error = await thrownBy(build(engineBuild('linux/amd64', dockerfile, more), { a: '' }));
        expect(isMabuildError(error) && error.code, String(error)).to.equal(code);
        expect((error as Error).message).to.match(message);
      });

    it('an abort during RUN stops it and leaves no container', async () => {
      const controller = new AbortController();
      const reason = { why: 'enough' };
      const promise = engine.build(
        engineBuild('linux/arm64', `FROM ${await busybox('linux/arm64')}\nRUN echo started; sleep 600\n`),
        contextOf({}),
        {
          credentials: anonymous,
          signal: controller.signal,
          onEvent: (event) => void (event.type === 'log' && controller.abort(reason)),
        },
      );
      expect(await thrownBy(promise)).to.equal(reason);
      for (let wait = 0; wait < 100 && (await judge.containers()).length > 0; wait++)
        await new Promise((next) => setTimeout(next, 100));
      expect(await judge.containers()).to.deep.equal([]);
    });

    it('a context that cannot be read fails with its own error', async () => {
      const reason = new Error('the disk is gone');
      const context: BuildContext = {
        ...contextOf({ a: 'x' }),
        open: async () => {
          throw reason;
        },
      };
      const promise = engine.build(engineBuild('linux/amd64', 'FROM scratch\nCOPY a /\n'), context, {
        credentials: anonymous,
      });
      expect(await thrownBy(promise)).to.equal(reason);
    });

    it('pulls private bases with the credentials of their registry', async () => {
      const host = services.authRegistry;
      const source = services.mirror === undefined ? 'docker.io' : new URL(services.mirror).host;
      const { user, password } = services;
      const tls = ['--src-tls-verify=false', '--dest-tls-verify=false'];
      const base = (await busybox('linux/arm/v7')).replace('busybox@', '');
      await runProgram('skopeo', [
        'copy',
        ...tls,
        '--dest-creds',
        `${user}:${password}`,
        `docker://${source}/library/busybox@${base}`,
        `docker://${host}/private/engine:1`,
      ]);
      const dockerfile = `FROM ${host}/private/engine:1\nRUN uname -m\n`;
      const wanted = engineBuild('linux/arm/v7', dockerfile, {
        bases: [parseReference(`${host}/private/engine:1`)],
      });
      const credentials: CredentialSource = {
        credentialFor: async (asked) =>
          asked === host ? { kind: 'basic', username: user, password } : undefined,
      };
      await judge.removeImage(`${host}/private/engine:1`);
      const refused = await thrownBy(engine.build(wanted, contextOf({}), { credentials: anonymous }));
      expect(isMabuildError(refused) && refused.code).to.equal('BUILD_FAILED');
      const image = await engine.build(wanted, contextOf({}), { credentials });
      expect(formatPlatform(image.platform)).to.equal(labelled('linux/arm/v7'));
      await judge.removeImage(`${host}/private/engine:1`);
      await engine.pull(parseReference(`${host}/private/engine:1`), {
        credentials,
        platform: parsePlatform('linux/arm/v7'),
      });
      expect((await engine.inspect(`${host}/private/engine:1`))?.platform.architecture).to.equal('arm');
      const denied = engine.pull(parseReference(`${host}/private/other:1`), {
        credentials,
        platform: parsePlatform('linux/arm/v7'),
      });
      expect(isMabuildError(await thrownBy(denied))).to.equal(true);
      await judge.removeImage(`${host}/private/engine:1`);
    });
  });

  describe('images', function () {
    this.timeout(60_000);

    it('come out layer by layer, and only what is not known', async () => {
      const dockerfile = `FROM ${await busybox('linux/arm64')}\nCOPY a /a\nCOPY b /b\n`;
      const image = await engine.build(
        engineBuild('linux/arm64', dockerfile),
        contextOf({ a: '1', b: '2' }),
        {
          credentials: anonymous,
        },
      );
      const folder = await mkdtemp(join(directory, 'export-'));
      const exported = await engine.export(image.id, { directory: folder });
      const config = JSON.parse(Buffer.from(exported.config).toString()) as {
        rootfs: { diff_ids: string[] };
      };
      // The id is the manifest's digest where the store is containerd's.
      if (engine.info.imageStore === 'graphdriver') expect(digestOf(exported.config)).to.equal(image.id);
      expect(exported.layers.map(({ diffId }) => diffId)).to.deep.equal(config.rootfs.diff_ids);
      expect(await readdir(folder)).to.have.length(exported.layers.length);
      const known = new Map(exported.layers.slice(0, -1).map(({ path, diffId }) => [path, diffId]));
      const again = await engine.export(image.id, {
        directory: await mkdtemp(join(directory, 'again-')),
        known: (path) => known.get(path),
      });
      expect(again.layers.map(({ file }) => file !== undefined)).to.deep.equal([
        ...exported.layers.slice(0, -1).map(() => false),
        true,
      ]);
      expect(again.layers.map(({ diffId }) => diffId)).to.deep.equal(config.rootfs.diff_ids);
      const names: string[] = [];
      const layer = await decompressed(createReadStream(again.layers.at(-1)?.file ?? ''));
      for await (const { name } of readTarEntries(layer)) names.push(name);
      expect(names).to.deep.equal(['b']);
    });

    it('that are not there cannot come out', async () => {
      const error = await thrownBy(engine.export(`sha256:${'0'.repeat(64)}`, { directory }));
      expect(error).to.include({ code: 'ENGINE_REFUSED' });
    });

    it('are tagged and inspected', async () => {
      const image = await engine.build(
        engineBuild('linux/amd64', 'FROM scratch\nCOPY a /\n'),
        contextOf({ a: '1' }),
        { credentials: anonymous },
      );
      await engine.tag(image.id, parseReference('mabuild-test/tagged:1.2'));
      expect(await judge.tags()).to.include('mabuild-test/tagged:1.2');
      expect(await engine.inspect('mabuild-test/tagged:1.2')).to.deep.equal(image);
      await judge.removeImage('mabuild-test/tagged:1.2');
      expect(await engine.inspect('mabuild-test/tagged:1.2')).to.equal(undefined);
    });

    it('a broken archive is refused', async () => {
      const error = await thrownBy(engine.load(Readable.from([Buffer.from('no tar at all'.repeat(200))])));
      expect(
        isMabuildError(error) && ['LOAD_FAILED', 'ENGINE_REFUSED'].includes(error.code),
        String(error),
      ).to.equal(true);
    });
  });

  describe('containers', function () {
    this.timeout(60_000);
    let image: string;
    before(async () => {
      const built = await engine.build(
        engineBuild('linux/arm/v7', `FROM ${await busybox('linux/arm/v7')}\n`),
        contextOf({}),
        { credentials: anonymous },
      );
      image = built.id;
    });

    it('give exit code and both streams, as they come and together', async () => {
      const seen: string[] = [];
      const result = await engine.run(
        { image, command: ['sh', '-c', 'echo out $A; echo err >&2; exit 5'], environment: { A: 'b' } },
        { onOutput: (stream, chunk) => void seen.push(`${stream} ${Buffer.from(chunk)}`) },
      );
      expect(result).to.deep.equal({ exitCode: 5, stdout: 'out b\n', stderr: 'err\n' });
      expect(seen.sort()).to.deep.equal(['stderr err\n', 'stdout out b\n']);
    });

    it('see folders of the host', async () => {
      await writeFile(join(directory, 'note'), 'from the host');
      const { stdout } = await engine.run({
        image,
        command: ['cat', '/m/note'],
        binds: [`${directory}:/m:ro`],
      });
      expect(stdout).to.equal('from the host');
    });

    const bad: readonly [string, object, string][] = [
      ['a program that is not there', { command: ['/no/such/program'] }, 'ENGINE_REFUSED'],
      ['an image that is not there', { image: 'no/such/image:1' }, 'ENGINE_REFUSED'],
      ['a port that is none', { ports: ['eighty'] }, 'INVALID_PORT'],
      ['a port beyond the last', { ports: ['80:70000'] }, 'INVALID_PORT'],
    ];
    for (const [name, more, code] of bad)
      it(`refuse ${name}`, async () => {
        const error = await thrownBy(engine.run({ image, command: ['true'], ...more }));
        expect(isMabuildError(error) && error.code, String(error)).to.equal(code);
      });

    it('are killed and removed on abort', async () => {
      const controller = new AbortController();
      const reason = { why: 'enough' };
      const promise = engine.run(
        { image, command: ['sh', '-c', 'echo up; sleep 600'] },
        { signal: controller.signal, onOutput: () => controller.abort(reason) },
      );
      expect(await thrownBy(promise)).to.equal(reason);
      expect(await judge.containers()).to.deep.equal([]);
    });

    it('leave nothing', async () => expect(await judge.containers()).to.deep.equal([]));
  });
});
