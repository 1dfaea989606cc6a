import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { chmod, chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { startTestRegistry, type TestRegistry } from '@mabuild/registry/testing';
import { expect } from 'chai';
import { layerTar } from '../../../packages/core/src/engines/embedded/sandbox/helper/layer-tar.ts';
import { debTree, hasDebs } from '../../support/debs.ts';
import { writeContext } from '../../support/embedded-builds.ts';
import { cacheProblems } from '../../support/embedded-cache.ts';
import { installCommand } from '../../support/installed-command.ts';
import { makeImage } from '../../support/made-image.ts';
import { publish } from '../../support/published.ts';
import { busyboxRoot, file } from '../../support/sandbox.ts';
import { sandboxUsers } from '../../support/sandbox-users.ts';

interface Ended {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

(sandboxUsers().length > 1 ? describe : describe.skip)('embedded: where the cache lies', function () {
  this.timeout(300_000);
  let root = '';
  let registry: TestRegistry | undefined;
  let cache = '';
  let count = 0;

  before(async function () {
    if (process.platform !== 'linux' || process.arch !== 'x64' || !(await hasDebs())) return this.skip();
    root = await mkdtemp(join(tmpdir(), 'mabuild-odd-'));
    await chmod(root, 0o755);
    registry = await startTestRegistry();
    const base = `${registry.host}/library/busybox:1`;
    const entries = [
      ...(await busyboxRoot(await debTree('busybox-static', 'amd64'))),
      file('some', randomBytes(1e6)),
    ];
    const layers = [await buffer(Readable.from(layerTar(entries)))];
    await publish(makeImage({ platform: 'linux/amd64', layers }), base);
    await installCommand(root);
    const big = randomBytes(3e6).toString('base64');
    const run =
      'RUN --mount=type=cache,target=/c cp /big /c/; cp /big /more && rm /etc/group\nRUN --mount=type=bind,target=/in cp /in/big /last';
    await writeContext(join(root, 'run'), { Dockerfile: `FROM ${base}\nCOPY big /\n${run}\n`, big });
    await writeContext(join(root, 'copy'), { Dockerfile: 'FROM scratch\nCOPY a /\n', a: 'a' });
  });
  beforeEach(async () => {
    count += 1;
    cache = join(root, `cache-${count}`);
    await mkdir(cache);
  });
  after(async () => {
    await registry?.close();
    if (root !== '') await rm(root, { recursive: true, force: true });
  });

  /** @param mounts commands before it, in a mount namespace of their own, with `$CACHE` @param end commands after it; `$BUILD` builds again */
  async function build(context: 'run' | 'copy', mounts = '', end = ''): Promise<Ended> {
    const args = [
      '--engine',
      'embedded',
      '--platform',
      'linux/amd64',
      '-o',
      `oci:${root}/out`,
      join(root, context),
    ];
    const build = `'${process.execPath}' '${join(root, 'command/mabuild.js')}' build ${args.join(' ')}`;
    const script = `${mounts}\n${build}\nstatus=$?\n${end}\nexit $status`;
    const env = {
      ...{ PATH: process.env.PATH, HOME: root, CACHE: cache, MABUILD_CACHE: cache, BUILD: build },
      ...{ SOURCE_DATE_EPOCH: '1700000000', DOCKER_HOST: `unix://${root}/none.sock` },
    };
    await rm(join(root, 'out'), { recursive: true, force: true });
    return await new Promise((resolve) => {
      const unshare = ['--mount', '--propagation', 'private', 'sh', '-c', script];
      execFile('unshare', unshare, { env }, (error, stdout, stderr) =>
        resolve({ status: (error?.code as number | undefined) ?? 0, stdout, stderr }),
      );
    });
  }

  const readOnly = 'mount --bind "$CACHE" "$CACHE"; mount -o remount,bind,ro "$CACHE"';
  for (const context of ['run', 'copy'] as const)
    it(`tells of a read-only one, ${context}`, async () => {
      const { status, stderr } = await build(context, readOnly);
      expect(status, stderr).to.equal(2);
      expect(stderr).to.match(/^error: .*cannot be made, as on a read-only file system/m);
      expect(stderr).to.match(new RegExp(`^hint: the cache is kept in ${cache}: .*MABUILD_CACHE$`, 'm'));
    });

  it('takes all from a read-only one that has it', async () => {
    const first = await build('run');
    expect(first.status, first.stderr).to.equal(0);
    const again = await build('run', readOnly);
    expect(again.status, again.stderr).to.equal(0);
    expect(again.stdout).to.equal(first.stdout);
  });

  it('tells of one that starts no programs', async () => {
    const { status, stderr } = await build('run', 'mount -t tmpfs -o noexec none "$CACHE"');
    expect(status, stderr).to.equal(3);
    expect(stderr).to.match(
      /^hint: the cache must lie on a file system that programs can be started from: set MABUILD_CACHE$/m,
    );
  });

  it('needs no programs in the folder of temporary files', async () => {
    const noexec = 'export TMPDIR="$CACHE/tmp"; mkdir "$TMPDIR"; mount -t tmpfs -o noexec none "$TMPDIR"';
    const { status, stderr } = await build('run', noexec);
    expect(status, stderr).to.equal(0);
  });

  it('tells of a file in its place', async () => {
    await rm(cache, { recursive: true });
    await writeFile(cache, '');
    const { status, stderr } = await build('copy');
    expect(status, stderr).to.equal(2);
    expect(stderr).to.match(new RegExp(`^hint: the cache is kept in ${cache}: `, 'm'));
  });

  for (const [who, own] of [
    ['everybody', () => chmod(cache, 0o777)],
    ['user 65534', () => chown(cache, 65534, 65534)],
  ] as const)
    it(`warns of one that ${who} may write to`, async () => {
      await own();
      const { status, stderr } = await build('copy');
      expect(status, stderr).to.equal(0);
      expect(stderr).to.match(
        new RegExp(`^warning: the cache in ${cache} can be written to by ${who}, `, 'm'),
      );
    });

  for (const type of ['ramfs', 'tmpfs'] as const)
    it(`lies on ${type} as well`, async () => {
      const { status, stderr } = await build('run', `mount -t ${type} -o mode=755 none "$CACHE"`);
      expect(status, stderr).to.equal(0);
      expect(stderr).not.to.match(/warning/);
    });

  it('lies on overlayfs as well', async () => {
    const layers = `mkdir "${root}/l" "${root}/u" "${root}/w"`;
    const mount = `mount -t overlay none -o lowerdir=${root}/l,upperdir=${root}/u,workdir=${root}/w "$CACHE"`;
    const { status, stderr } = await build('run', `${layers}; ${mount}`);
    expect(status, stderr).to.equal(0);
  });

  it('is refused for RUN, and not for COPY, on the file system of a memory stick', async function () {
    if (!existsSync('/dev/fuse')) this.skip();
    const [mount, make, library] = await Promise.all([
      debTree('exfat-fuse', 'amd64'),
      debTree('exfatprogs', 'amd64'),
      debTree('libfuse2', 'amd64'),
    ]);
    const folder = ['lib/x86_64-linux-gnu', 'usr/lib/x86_64-linux-gnu'].find((path) =>
      existsSync(join(library, path)),
    );
    const place = ['sbin', 'usr/sbin'].find((path) => existsSync(join(mount, path, 'mount.exfat-fuse')));
    const mounted = `
      truncate -s 50M "${root}/stick"
      "${make}/usr/sbin/mkfs.exfat" "${root}/stick" >/dev/null
      disk=$(losetup -f --show "${root}/stick")
      LD_LIBRARY_PATH="${join(library, folder ?? '')}" "${join(mount, place ?? '')}/mount.exfat-fuse" "$disk" "$CACHE" >/dev/null 2>&1`;
    const detach = 'umount "$CACHE"; losetup -d "$disk"';
    const { status, stderr } = await build('run', mounted, detach);
    expect(status, stderr).to.equal(3);
    expect(stderr).to.match(/the file system of \S+ does not keep modes/);
    expect(stderr).to.match(/^hint: put the cache on a file system of Linux, .*MABUILD_CACHE$/m);
    const copied = await build('copy', mounted, detach);
    expect(copied.status, copied.stderr).to.equal(0);
  });

  // Every phase has its turn: the base, COPY, what is unpacked, RUN, its layer, the mounts.
  it('tells where a disk is full, and keeps no half of anything there', async () => {
    const whole = await build('run');
    expect(whole.status, whole.stderr).to.equal(0);
    const says = new Set<string>();
    for (let size = 1; ; size += 4) {
      const again = `mount -o remount,size=500m "$CACHE"; rm -rf ${root}/out; find "$CACHE" -name '.*' -type f; eval "$BUILD" 2>/dev/null`;
      const { status, stdout, stderr } = await build(
        'run',
        `mount -t tmpfs -o size=${size}m none "$CACHE"`,
        again,
      );
      if (status === 0) break;
      expect(stdout, stderr).to.equal(whole.stdout);
      expect(stderr).to.match(/no space left|ENOSPC/i);
      expect(stderr).to.match(new RegExp(`(?:where the cache is kept \\(|the disk that holds )${cache}`));
      says.add(/^error: .*?(?:at line (\d+)|$)/m.exec(stderr)?.[1] ?? 'before');
      expect(size).to.be.lessThan(60);
    }
    expect([...says]).to.include.members(['3', '4']);
    expect(cacheProblems(cache)).to.deep.equal([]);
    expect(readdirSync(cache)).to.include('content');
  });
});
