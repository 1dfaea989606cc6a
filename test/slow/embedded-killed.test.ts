import { lstatSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { chmod, chown, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { setTimeout as wait } from 'node:timers/promises';
import { startTestRegistry, type TestRegistry } from '@mabuild/registry/testing';
import { expect } from 'chai';
import { layerTar } from '../../packages/core/src/engines/embedded/sandbox/helper/layer-tar.ts';
import { debTree, hasDebs } from '../support/debs.ts';
import { writeContext } from '../support/embedded-builds.ts';
import { cacheProblems, shelvesOf, unfinishedIn } from '../support/embedded-cache.ts';
import { eventually } from '../support/eventually.ts';
import { type InstalledCommand, installCommand } from '../support/installed-command.ts';
import { makeImage } from '../support/made-image.ts';
import { publish } from '../support/published.ts';
import { randomFrom } from '../support/random.ts';
import { busyboxRoot } from '../support/sandbox.ts';
import { type SandboxUser, sandboxUsers } from '../support/sandbox-users.ts';

const seed = Number(process.env.MABUILD_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));
const points = 20;
const platforms = { 'linux/amd64': 'amd64', 'linux/arm64': 'arm64', 'linux/arm/v7': 'armhf' };
/** Finds what a RUN left running among all processes. */
const mark = String(100_000 + Math.floor(Math.random() * 800_000));
const tested: readonly SandboxUser[] = ['this user', 'nobody, with subordinate users'];

const dockerfile = (base: string): string => `FROM --platform=$BUILDPLATFORM ${base} AS tools
RUN --mount=type=cache,target=/c : ${mark}; mkdir -p /made; for i in 1 2 3 4 5 6 7 8; do head -c 300000 /dev/zero | tr '\\0' $i >/made/$i; cp /made/$i /c/$i; done
FROM ${base}
COPY files /files
COPY --from=tools --chown=1000:1001 /made /opt/made
RUN --mount=type=cache,target=/cache --mount=type=bind,from=tools,source=/made,target=/in setsid sleep ${mark} & cp -a /in /cache/in-$$; uname -m >/machine; ln /machine /same; rm /files/1
WORKDIR /work
RUN --mount=type=tmpfs,target=/t : ${mark}; chown -R app /files /opt; chmod 4755 /files/2; ln -s /t l; sleep 0.1
`;

for (const user of tested.filter((item) => sandboxUsers().includes(item))) {
  describe(`an embedded build for three platforms that is killed, ${user} (seed ${seed})`, function () {
    this.timeout(120_000);
    let folder = '';
    let registry: TestRegistry | undefined;
    let command: InstalledCommand;
    let undisturbed = '';
    let length = 0;
    let kills = 0;
    let left = 0;

    const build = (home: string) =>
      command.start(
        user,
        [
          ...['build', '--engine', 'embedded', '--quiet', '--platform', Object.keys(platforms).join()],
          ...['-o', `oci:${join(home, 'layout')}`, join(folder, 'context')],
        ],
        { home, env: { SOURCE_DATE_EPOCH: '1600000000' } },
      );
    const makeHome = async (name: string): Promise<string> => {
      const home = join(command.home(user), name);
      const { uid, gid } = lstatSync(command.home(user));
      for (const path of [home, join(home, 'tmp')]) {
        mkdirSync(path);
        await chown(path, uid, gid);
      }
      return home;
    };
    const built = async (home: string): Promise<string> => {
      const { status, stdout, stderr } = await build(home).ended;
      expect(status, stderr).to.equal(0);
      return stdout;
    };

    before(async function () {
      if (process.platform !== 'linux' || process.arch !== 'x64' || !(await hasDebs())) return this.skip();
      folder = await mkdtemp(join(tmpdir(), 'mabuild-killed-'));
      await chmod(folder, 0o755);
      registry = await startTestRegistry();
      const base = `${registry.host}/library/busybox:1`;
      const recipes = await Promise.all(
        Object.entries(platforms).map(async ([platform, debian]) => {
          const root = await busyboxRoot(await debTree('busybox-static', debian));
          return { platform, layers: [await buffer(Readable.from(layerTar(root)))] };
        }),
      );
      await publish(makeImage(...recipes), base);
      const files = Object.fromEntries(
        Array.from({ length: 300 }, (_, index) => [`files/${index}`, `content ${index} `.repeat(index)]),
      );
      await writeContext(join(folder, 'context'), { ...files, Dockerfile: dockerfile(base) });
      command = await installCommand(folder);
      const home = await makeHome('undisturbed');
      const began = performance.now();
      undisturbed = await built(home);
      length = performance.now() - began;
    });
    after(async () => {
      await registry?.close();
      if (folder !== '') await rm(folder, { recursive: true, force: true });
    });

    const random = randomFrom(seed);
    for (let point = 0; point < points; point += 1) {
      const fraction = random();
      it(`after ${(fraction * 100).toFixed(1)} % of its time`, async () => {
        const home = await makeHome(`point-${point}`);
        const cache = join(home, 'cache');
        const started = build(home);
        await Promise.race([wait(fraction * length), started.ended]);
        started.kill();
        const { status } = await started.ended;
        kills += Number(status === null);
        await eventually(async () => expect(processesOf(folder)).to.deep.equal([]));
        expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.to.include(home);
        expect(cacheProblems(cache)).to.deep.equal([]);
        if (leftIn(home).length > 0) {
          left += 1;
          // Once is enough: it takes as long as a build.
          if (left === 1) expect((await doctor(home)).sort()).to.deep.equal([...leftIn(home)].sort());
        }

        expect(await built(home)).to.equal(undisturbed);
        expect(leftIn(home)).to.deep.equal([]);
        // A helper that waited for more to do hears that there is no more.
        await eventually(async () => expect(processesOf(folder)).to.deep.equal([]));
        expect(cacheProblems(cache)).to.deep.equal([]);
        const shelves = shelvesOf(join(command.home(user), 'undisturbed/cache'));
        for (const [path, facts] of shelvesOf(cache)) expect(shelves.get(path), path).to.equal(facts);
        if (point === points - 1) expect(await doctor(home)).to.deep.equal([]);
      });
    }

    it('came before the end of most builds, and left something behind', () => {
      expect(kills).to.be.greaterThan(points / 2);
      expect(left).to.be.greaterThan(0);
    });

    const leftIn = (home: string): readonly string[] => [
      ...readdirSync(join(home, 'tmp')).map((name) => join(home, 'tmp', name)),
      ...unfinishedIn(join(home, 'cache')),
    ];
    /** What doctor says is left. */
    const doctor = async (home: string): Promise<string[]> => {
      const { stdout, stderr } = await command.start(user, ['doctor', '--format', 'json'], { home }).ended;
      if (stdout === '') throw new Error(stderr);
      return JSON.parse(stdout).leftovers;
    };
  });
}

/** Processes that a RUN started, and those of the command in a folder. */
function processesOf(folder: string): readonly string[] {
  return readdirSync('/proc').flatMap((name): readonly string[] => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const line = readFileSync(`/proc/${name}/cmdline`, 'latin1');
      return line.includes(mark) || line.includes(`${folder}/`)
        ? [`${name} ${line.replaceAll('\0', ' ')}`]
        : [];
    } catch {
      return [];
    }
  });
}
