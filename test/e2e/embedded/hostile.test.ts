import { lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { chmod, chown, mkdtemp, readdir, readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { startTestRegistry, type TestRegistry } from '@mabuild/registry/testing';
import { expect } from 'chai';
import type { LayerEntry } from '../../../packages/core/src/engines/embedded/layers/entry.ts';
import { removeTree } from '../../../packages/core/src/engines/embedded/sandbox/files/remove-tree.ts';
import { layerTar } from '../../../packages/core/src/engines/embedded/sandbox/helper/layer-tar.ts';
import { debTree, hasDebs } from '../../support/debs.ts';
import { writeContext } from '../../support/embedded-builds.ts';
import { cacheProblems, unfinishedIn } from '../../support/embedded-cache.ts';
import { attempts } from '../../support/hostile-attempts.ts';
import { type HostileRow, hostileRows } from '../../support/hostile-rows.ts';
import { type InstalledCommand, installCommand } from '../../support/installed-command.ts';
import { type MadeImage, makeImage } from '../../support/made-image.ts';
import { publish } from '../../support/published.ts';
import { busyboxRoot, symlink } from '../../support/sandbox.ts';
import { type SandboxUser, sandboxUsers } from '../../support/sandbox-users.ts';

const mark = String(100_000 + Math.floor(Math.random() * 800_000));
const secret = `secret-${mark}`;
const tested: readonly SandboxUser[] = ['this user', 'nobody, with subordinate users'];

describe('embedded: hostile builds', function () {
  this.timeout(300_000);
  let folder = '';
  let registry: TestRegistry | undefined;
  let server: Server | undefined;
  let command: InstalledCommand;
  let busybox: Buffer;
  const address = (): string => `http://127.0.0.1:${(server?.address() as AddressInfo | undefined)?.port}`;

  before(async function () {
    if (process.platform !== 'linux' || process.arch !== 'x64' || !(await hasDebs())) return this.skip();
    folder = await mkdtemp(join(tmpdir(), 'mabuild-hostile-'));
    await chmod(folder, 0o755);
    registry = await startTestRegistry();
    const more = ['umount', 'modprobe', 'find', 'xargs', 'yes'].map((name) =>
      symlink(`bin/${name}`, 'busybox'),
    );
    const root = await busyboxRoot(await debTree('busybox-static', 'amd64'));
    const paths = new Set(root.map(({ path }) => path));
    busybox = await tarOf([
      ...root,
      ...more.filter(({ path }) => !paths.has(path)),
      symlink('out', '../../../tmp'),
    ]);
    await publish(imageOf([busybox]), `${registry.host}/library/base:1`);
    command = await installCommand(folder);
    server = createServer((request, response) => {
      if (request.url === '/file') response.writeHead(302, { location: 'file:///etc/passwd' }).end();
      else if (request.url === '/cut') {
        response.writeHead(200, { 'content-length': '1000' });
        response.write('x');
        setTimeout(() => response.destroy(), 50);
      } else response.writeHead(200).end('downloaded');
    });
    await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  });
  after(async () => {
    server?.closeAllConnections();
    server?.close();
    await registry?.close();
    if (folder !== '') removeTree(folder);
  });

  const makeHome = async (user: SandboxUser, name: string): Promise<string> => {
    const home = join(command.home(user), name);
    const { uid, gid } = lstatSync(command.home(user));
    for (const path of [home, join(home, 'tmp')]) {
      mkdirSync(path, { recursive: true });
      await chown(path, uid, gid);
    }
    return home;
  };
  const build = (user: SandboxUser, home: string, context: string, more: readonly string[], room?: number) =>
    command.start(user, ['build', '--engine', 'embedded', '--platform', 'linux/amd64', ...more, context], {
      ...{ home, room },
      env: { SECRET_TOKEN: mark, DOCKER_CONFIG: home, NO_COLOR: '1' },
    }).ended;
  const isClean = (home: string): void => {
    expect(readdirSync(join(home, 'tmp'))).to.deep.equal([]);
    expect(unfinishedIn(join(home, 'cache'))).to.deep.equal([]);
    expect(cacheProblems(join(home, 'cache'))).to.deep.equal([]);
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.to.include(home);
    expect(processesWith(mark)).to.deep.equal([]);
  };

  for (const user of tested.filter((item) => sandboxUsers().includes(item))) {
    describe(`what a RUN of ${user} gets when it tries`, () => {
      let home = '';
      const output = (): string => join(home, 'output');
      before(async () => {
        home = await makeHome(user, 'attempts');
        writeFileSync(join(home, secret), mark);
        writeFileSync(join(home, 'config.json'), '{"auths":{}}');
        const named = (text: string): string =>
          text
            .replaceAll('HOME', home)
            .replaceAll('SECRET', secret)
            .replaceAll(/\bMARK\b/g, mark)
            .replaceAll('MAR[K]', `${mark.slice(0, -1)}[${mark.slice(-1)}]`);
        const steps = attempts.map(
          ({ tries, flags = '', user: name = 'root' }, index) =>
            `USER ${name}\nRUN ${flags} (${named(tries)}) >/results/${index} || true`,
        );
        const context = join(folder, `attempts-${user.length}`);
        await writeContext(context, {
          Dockerfile: `FROM ${registry?.host}/library/base:1 AS all\nRUN mkdir -m 1777 /results\n${steps.join('\n')}\nUSER root\nFROM scratch\nCOPY --from=all /results /\n`,
        });
        const { status, stderr } = await build(user, home, context, ['-o', `local:${output()}`]);
        expect(status, stderr).to.equal(0);
      });
      for (const [index, { name, gets }] of attempts.entries()) {
        it(name, () => {
          const got = readFileSync(join(output(), String(index)), 'utf8');
          if (typeof gets === 'string') expect(got).to.equal(gets);
          else expect(got).to.match(gets);
        });
      }
      it('leaves nothing', () => {
        isClean(home);
        // What is kept for this user nobody else may reach.
        for (const kind of readdirSync(join(home, 'cache/sandbox')))
          expect(lstatSync(join(home, 'cache/sandbox', kind)).mode & 0o077).to.equal(0);
      });
    });
  }

  for (const [title, rows] of Object.entries(hostileRows)) {
    describe(title, () => {
      for (const [index, row] of rows.entries()) {
        it(row.name, async function () {
          if (row.room && process.getuid?.() !== 0) return this.skip();
          const user = row.user ?? 'this user';
          if (!sandboxUsers().includes(user)) return this.skip();
          const id = `${title.replaceAll(/\W+/g, '-')}-${index}`;
          const home = await makeHome(user, id);
          const outside = join(folder, `outside-${id}`);
          mkdirSync(outside);
          writeFileSync(join(outside, 'f'), mark);
          const context = join(folder, `context-${id}`);
          await writeContext(context, { a: 'A', ...row.files });
          await row.prepare?.(context, outside);
          if (row.base) {
            const image = await baseOf(row, outside);
            const repository = `library/${id.toLowerCase()}`;
            await publish(image, `${registry?.host}/${repository}:1`);
            row.damage?.(registry?.blob(repository, image.layers[0]?.at(-1) ?? '') as Buffer);
          }
          const base = `${registry?.host}/library/${row.base ? id.toLowerCase() : 'base'}:1`;
          const dockerfile = row.dockerfile
            .replaceAll('BASE', base)
            .replaceAll('URL', address())
            .replaceAll('OUTSIDE', outside);
          await writeContext(context, { Dockerfile: dockerfile });
          const racing = row.race?.(context, outside);
          try {
            const output = join(home, 'output');
            const wanted = row.output === 'image' ? `oci:${output}` : `local:${output}`;
            const { status, stderr } = await build(user, home, context, ['-o', wanted], row.room);
            // Nothing that was read may steer the terminal.
            // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
            expect(stderr).not.to.match(/[\x00-\x08\x0b-\x1f\x7f]/);
            expect(stderr).not.to.include(mark);
            if (row.says) expect(row.says.test(stderr), stderr).to.equal(true);
            expect(status, stderr).to.be.oneOf([row.status ?? (row.holds ? 0 : 1)].flat());
            for (const [path, content] of Object.entries(row.holds ?? {})) {
              const found = await readFile(join(output, path), 'utf8').catch(() => undefined);
              expect(found, path).to.equal(content ?? undefined);
            }
            if (row.output !== 'image' && status === 0) {
              for (const entry of await readdir(output, { recursive: true, withFileTypes: true }))
                if (entry.isFile() && lstatSync(join(entry.parentPath, entry.name)).size < 10_000)
                  expect(readFileSync(join(entry.parentPath, entry.name), 'utf8')).not.to.include(mark);
            }
            expect(readdirSync(outside)).to.deep.equal(['f']);
            expect(readFileSync(join(outside, 'f'), 'utf8')).to.equal(mark);
            isClean(home);
          } finally {
            racing?.kill('SIGKILL');
          }
        });
      }
    });
  }

  describe('an image that `mabuild run` unpacks', () => {
    const rows = Object.values(hostileRows)
      .flat()
      .filter(({ base, race, room }) => base !== undefined && !race && room === undefined);
    for (const [index, row] of rows.entries()) {
      it(`${row.name}, reaches nothing`, async () => {
        const home = await makeHome('this user', `run-${index}`);
        const outside = join(folder, `outside-run-${index}`);
        mkdirSync(outside);
        writeFileSync(join(outside, 'f'), mark);
        const image = await baseOf(row, outside);
        await publish(image, `${registry?.host}/library/run-${index}:1`);
        row.damage?.(registry?.blob(`library/run-${index}`, image.layers[0]?.at(-1) ?? '') as Buffer);
        const script = 'cat /f /out/f 2>/dev/null; echo changed >/f; echo changed >/out/f; echo ran';
        const args = ['--engine', 'embedded', '--platform', 'linux/amd64', '--entrypoint', '/bin/sh'];
        const name = `${registry?.host}/library/run-${index}:1`;
        const { status, stdout, stderr } = await command.start(
          'this user',
          ['run', ...args, name, '--', '-c', script],
          { home, env: { SECRET_TOKEN: mark, DOCKER_CONFIG: home, NO_COLOR: '1' } },
        ).ended;
        expect(`${stdout}${stderr}`).not.to.include(mark);
        expect(stderr).not.to.match(/a bug of mabuild/);
        if (status === 0) expect(stdout).to.match(/ran\n$/);
        else expect(stderr, `${status}`).to.match(/^(?:error: .*\([A-Z_]+\)$|.*: .*)/m);
        expect(readdirSync(outside)).to.deep.equal(['f']);
        expect(readFileSync(join(outside, 'f'), 'utf8')).to.equal(mark);
        isClean(home);
      });
    }
  });

  async function baseOf(row: HostileRow, outside: string): Promise<MadeImage> {
    const placed = (entry: LayerEntry): LayerEntry =>
      entry.linkname === undefined
        ? entry
        : { ...entry, linkname: entry.linkname.replace('OUTSIDE', outside) };
    const layers = (row.base ?? []).map(async (layer) =>
      Buffer.isBuffer(layer) ? layer : await tarOf(layer.map(placed)),
    );
    return imageOf([busybox, ...(await Promise.all(layers))], row.config);
  }
});

function imageOf(layers: readonly Buffer[], config = {}): MadeImage {
  return makeImage({ platform: 'linux/amd64', layers, config });
}

async function tarOf(entries: readonly LayerEntry[]): Promise<Buffer> {
  return await buffer(Readable.from(layerTar(entries), { objectMode: false }));
}

function processesWith(word: string): readonly string[] {
  return readdirSync('/proc').flatMap((name): readonly string[] => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const line = readFileSync(`/proc/${name}/cmdline`, 'latin1');
      return line.includes(word) ? [line.replaceAll('\0', ' ')] : [];
    } catch {
      return [];
    }
  });
}
