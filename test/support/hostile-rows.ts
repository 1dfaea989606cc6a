import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { LayerEntry } from '../../packages/core/src/engines/embedded/layers/entry.ts';
import type { ContextFile } from './embedded-builds.ts';
import { file, folder, other, symlink } from './sandbox.ts';
import type { SandboxUser } from './sandbox-users.ts';
import { makeTar } from './tar.ts';

/** A build that something in it tries to lead astray. */
export interface HostileRow {
  readonly name: string;
  /** BASE is busybox with the row's layers on it, URL a server, OUTSIDE a folder that nothing may reach. */
  readonly dockerfile: string;
  /** Layers on busybox; OUTSIDE is made a path in links. */
  readonly base?: readonly (readonly LayerEntry[] | Buffer)[];
  /** Of the base. */
  readonly config?: object;
  /** Changes the last layer where the registry keeps it. */
  readonly damage?: (blob: Buffer) => void;
  readonly files?: Readonly<Record<string, ContextFile>>;
  /** Puts what no list of files can say into the context. */
  readonly prepare?: (context: string, outside: string) => unknown;
  /** Works against the build while it runs. */
  readonly race?: (context: string, outside: string) => ChildProcess;
  /** In whose cache there is so little room, MiB. */
  readonly room?: number;
  readonly user?: SandboxUser;
  /** An image instead of its files. */
  readonly output?: 'image';
  /** Of stderr. */
  readonly says?: RegExp;
  /** @default 0 with `holds`, else 1 */
  readonly status?: number | readonly number[];
  /** Files of the result; `undefined` for what must not be there. */
  readonly holds?: Readonly<Record<string, string | undefined>>;
}

/** Makes folders whose paths are longer than the kernel takes: each is moved to the end of another. */
const deep =
  'p=; i=0; while [ $i -lt 900 ]; do p=${p}d/; i=$((i+1)); done; mkdir last; for n in 1 2 3; do mkdir -p x$n/$p; mv last x$n/$p; mv x$n last; done';
const run = 'FROM BASE\nRUN echo ran >/ran\n';
const ran = { ran: 'ran\n' };
const add = 'FROM scratch\nADD a.tar /in/\n';
const everything = 'FROM scratch\nCOPY . /all/\n';
const shell = (script: string): ChildProcess => spawn('sh', ['-c', script], { stdio: 'ignore' });
const zeros = (mebibytes: number): Buffer => Buffer.alloc(mebibytes * 2 ** 20);
const tarOfMany = (count: number): Buffer =>
  gzipSync(makeTar(Array.from({ length: count }, (_, index) => ({ path: `many/${index}`, content: '' }))));

/** A member's header whose size says what it does not have. */
function claims(size: number, type = '0'): Buffer {
  const tar = makeTar([{ path: 'big', type, content: 'x' }]);
  tar.write(`${size.toString(8).padStart(11, '0')}\0`, 124, 'latin1');
  tar.fill(0x20, 148, 156);
  const sum = tar.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  tar.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return tar;
}

/** GNU's old sparse form: a file of nothing that says how large it is. */
function sparse(size: bigint): Buffer {
  const tar = makeTar([{ path: 'hole', type: 'S', content: '' }]);
  tar[483] = 0x80;
  tar.writeBigUInt64BE(size, 483 + 4);
  tar.fill(0x20, 148, 156);
  const sum = tar.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  tar.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return tar;
}

const bases: readonly HostileRow[] = [
  {
    name: 'whose shell is a link to a program of the machine',
    base: [[symlink('bin/sh', '/usr/bin/env')]],
    dockerfile: run,
    says: /line 2[\s\S]*could not start \/bin\/sh: no such file/,
  },
  {
    name: 'whose shell is a link to itself',
    base: [[symlink('bin/sh', 'sh')]],
    dockerfile: run,
    says: /could not start \/bin\/sh: ELOOP/,
  },
  {
    name: 'whose shell is a folder',
    base: [[folder('bin/sh')]],
    dockerfile: run,
    says: /could not start \/bin\/sh: permission denied/,
  },
  {
    name: 'whose /etc/resolv.conf is a link to outside',
    base: [[symlink('etc/resolv.conf', '../../../../..OUTSIDE/f')]],
    dockerfile: run,
    holds: ran,
  },
  {
    name: 'whose /etc is a link to outside',
    base: [[other('etc', 'whiteout')], [symlink('etc', 'OUTSIDE')]],
    dockerfile: run,
    holds: ran,
  },
  {
    name: 'whose /proc, /dev and /sys are links to outside',
    base: [[symlink('proc', 'OUTSIDE'), symlink('dev', '/root'), symlink('sys', '/../../..OUTSIDE')]],
    dockerfile: run,
    says: /line 2.*could not mount \/proc: no such file or directory/,
  },
  {
    name: 'whose /proc is a file',
    base: [[file('proc', 'x')]],
    dockerfile: run,
    says: /line 2.*could not mount \/proc: not a directory/,
  },
  {
    name: 'whose mount point is a link to outside',
    base: [[symlink('l', 'OUTSIDE')]],
    dockerfile: 'FROM BASE\nRUN --mount=type=cache,target=/l/c echo x >/l/c/f; echo ran >/ran\n',
    holds: ran,
  },
  {
    name: 'whose files a mount takes through a link to outside',
    base: [[symlink('l', 'OUTSIDE')]],
    dockerfile: 'FROM BASE\nRUN --mount=type=bind,from=BASE,source=/l/f,target=/t cat /t\n',
    says: /"\/l\/f": not found/,
  },
  {
    name: 'that copies itself from outside',
    base: [[symlink('l', 'OUTSIDE')]],
    dockerfile: 'FROM scratch\nCOPY --from=BASE /l/f /x\n',
    says: /line 2.*"\/l\/f": not found/,
  },
  {
    name: 'with a disk',
    base: [[other('disk', 'block-device', { major: 254, minor: 0, mode: 0o666 })]],
    dockerfile: 'FROM BASE\nRUN head -c 1 /disk\n',
    says: /exit code 1/,
  },
  {
    name: 'whose layer is not what its digest says',
    base: [[file('x', 'x'.repeat(2000))]],
    dockerfile: run,
    damage: (blob) => blob.fill(1, blob.length - 1),
    says: /DIGEST_MISMATCH/,
    status: 3,
  },
  {
    name: 'whose layer is not what its config says',
    base: [gzipSync(makeTar([{ path: 'x', content: 'x' }]))],
    dockerfile: run,
    says: /holds sha256:[0-9a-f]{64}, its image says sha256:[0-9a-f]{64} \(DIGEST_MISMATCH\)/,
    status: 3,
  },
  {
    name: 'that climbs out when it is unpacked',
    base: [makeTar([{ path: '../../../../../../tmp/escaped', content: 'x' }])],
    dockerfile: run,
    says: /line 2.*UNSAFE_PATH/,
    status: 2,
  },
  {
    name: 'that links hard to outside',
    base: [makeTar([{ path: 'h', hardlink: '../../../../../../etc/passwd' }])],
    dockerfile: run,
    says: /line 2.*UNSAFE_PATH/,
    status: 2,
  },
  {
    name: 'that ends in the middle of a file',
    base: [makeTar([{ path: 'x', content: 'x'.repeat(5000) }]).subarray(0, 2048)],
    dockerfile: run,
    says: /ends inside a file.*INVALID_TAR/,
    status: 2,
  },
  {
    name: 'with a hole of eight exbibytes',
    base: [sparse(1n << 62n)],
    dockerfile: run,
    says: /line 2.*the sparse file hole has \d+ bytes \(UNSUPPORTED_LAYER\)/,
    status: 2,
  },
  {
    name: 'with an extended header of a gibibyte',
    base: [claims(2 ** 30, 'x')],
    dockerfile: run,
    says: /extended header of \d+ bytes.*INVALID_TAR/,
    status: 2,
  },
  {
    name: 'with 64 MiB of nothing',
    base: [makeTar([{ path: 'zeros', content: zeros(64) }])],
    dockerfile:
      'FROM BASE\nRUN test $(wc -c </zeros) = 67108864 && du -k /zeros | cut -f1 >/size; rm /zeros\n',
    holds: { size: '0\n', zeros: undefined },
  },
  {
    name: 'with ten thousand files',
    base: [makeTar(Array.from({ length: 10_000 }, (_, index) => ({ path: `m/${index}`, content: '' })))],
    dockerfile: 'FROM BASE\nRUN ls /m | wc -l >/n; rm -r /m\n',
    holds: { n: '10000\n' },
  },
  {
    name: 'with a path that no kernel takes',
    base: [[file(`${'d/'.repeat(2500)}f`, 'x')]],
    dockerfile: run,
    says: /cannot be written \(ENAMETOOLONG\).*UNSUPPORTED_LAYER/,
    status: 2,
  },
  {
    name: 'with a name that no kernel takes',
    base: [[file('n'.repeat(300), 'x')]],
    dockerfile: run,
    says: /cannot be written \(ENAMETOOLONG\).*UNSUPPORTED_LAYER/,
    status: 2,
  },
  {
    name: 'with names that talk to the terminal',
    base: [[file('\u001b]0;owned\u0007/f', 'x'), symlink('\u001b[31mred', '\u001b[2J')]],
    dockerfile: 'FROM BASE\nRUN exit 3\n',
    says: /exit code 3/,
  },
  {
    name: 'with duplicates and names that differ in case',
    base: [[file('A', '1'), file('a', '2'), file('A', '3')]],
    dockerfile: 'FROM BASE\nRUN cat /A /a >/ran\n',
    holds: { ran: '32', A: '3', a: '2' },
  },
  {
    name: 'whose users are a pipe',
    base: [[other('etc/passwd', 'whiteout')], [other('etc/passwd', 'fifo')]],
    dockerfile: 'FROM BASE\nUSER app\nRUN true\n',
    says: /there is no user "app"/,
  },
  {
    name: 'whose working directory is a file',
    base: [[file('w', 'x')]],
    config: { WorkingDir: '/w' },
    dockerfile: run,
    says: /could not enter \/w: not a directory/,
  },
  {
    name: 'whose working directory climbs out',
    config: { WorkingDir: '../../..' },
    base: [[]],
    dockerfile: run,
    holds: ran,
  },
  {
    name: 'whose environment holds what ends texts',
    config: { Env: ['A=b\u0000LD_PRELOAD=/x', 'PATH=/bin'] },
    base: [[]],
    dockerfile: 'FROM BASE\nRUN env >/env\n',
    says: /zero byte/,
    status: 3,
  },
  {
    name: 'whose user is no user',
    config: { User: '../../../etc/passwd' },
    base: [[]],
    dockerfile: run,
    says: /there is no user/,
  },
];

const contexts: readonly HostileRow[] = [
  {
    name: 'a folder that becomes a link again and again',
    dockerfile: everything,
    files: Object.fromEntries(Array.from({ length: 400 }, (_, index) => [`d/${index}/f`, 'mine'] as const)),
    race: (context, outside) =>
      shell(
        `cd '${context}/d' && while :; do for n in 1 7 50 200 399; do mv $n x$n && ln -s '${outside}' $n; rm $n; mv x$n $n; done; done`,
      ),
    says: /finished: sha256:|CONTEXT_CHANGED|CONTEXT_FILE_NOT_FOUND|CONTEXT_UNREADABLE/,
    status: [0, 2],
  },
  {
    name: 'a file that becomes a link again and again',
    dockerfile: everything,
    files: Object.fromEntries(Array.from({ length: 400 }, (_, index) => [`d/${index}`, 'mine'] as const)),
    race: (context, outside) =>
      shell(
        `cd '${context}/d' && while :; do for n in 1 7 50 200 399; do mv $n x$n && ln -s '${outside}/f' $n; rm $n; mv x$n $n; done; done`,
      ),
    says: /finished: sha256:|CONTEXT_CHANGED|CONTEXT_FILE_NOT_FOUND|CONTEXT_UNREADABLE/,
    status: [0, 2],
  },
  {
    name: 'a file that becomes a pipe again and again',
    dockerfile: everything,
    files: Object.fromEntries(Array.from({ length: 400 }, (_, index) => [`d/${index}`, 'mine'] as const)),
    race: (context) =>
      shell(
        `cd '${context}/d' && while :; do for n in 1 7 50 200 399; do mv $n x$n && mkfifo $n; rm $n; mv x$n $n; done; done`,
      ),
    says: /finished: sha256:|CONTEXT_CHANGED|CONTEXT_FILE_NOT_FOUND|CONTEXT_UNREADABLE/,
    status: [0, 2],
  },
  {
    name: 'a pipe, a socket and a device',
    dockerfile: everything,
    prepare: async (context) => {
      execFileSync('mkfifo', [join(context, 'pipe')]);
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(join(context, 'socket'), resolve));
      // Closing takes the socket's name away.
      server.unref();
    },
    holds: { 'all/a': 'A', 'all/pipe': undefined, 'all/socket': undefined },
  },
  {
    name: 'a pipe that is asked for',
    dockerfile: 'FROM scratch\nCOPY pipe /\n',
    prepare: (context) => execFileSync('mkfifo', [join(context, 'pipe')]),
    says: /line 2.*"\/pipe": not found/,
  },
  {
    name: 'names that confuse',
    dockerfile: everything,
    files: {
      'new\nline': '1',
      '\u001b[31mred': '2',
      '-rf': '3',
      'CASE/x': '4',
      'case/x': '5',
      '%s%n': '6',
      '..a': '7',
    },
    holds: {
      'all/new\nline': '1',
      'all/\u001b[31mred': '2',
      'all/-rf': '3',
      'all/CASE/x': '4',
      'all/case/x': '5',
      'all/%s%n': '6',
      'all/..a': '7',
    },
  },
  {
    name: 'a name that is not UTF-8',
    dockerfile: everything,
    prepare: (context) =>
      writeFileSync(Buffer.concat([Buffer.from(`${context}/n`), Buffer.from([0xff])]), ''),
    says: /its name is not UTF-8 \(CONTEXT_UNREADABLE\)/,
    status: 2,
  },
  {
    name: 'folders deeper than the kernel names',
    dockerfile: everything,
    prepare: (context) => execFileSync('sh', ['-c', deep], { cwd: context }),
    says: /ENAMETOOLONG.*CONTEXT_UNREADABLE/,
    status: 2,
  },
  {
    name: 'a file that says to be a whiteout',
    dockerfile: everything,
    files: { '.wh.all': '' },
    says: /takes files away/,
  },
  {
    name: 'a .dockerignore that takes forever to match',
    dockerfile: everything,
    files: {
      '.dockerignore': `${'**/'.repeat(40)}x\n${'*a'.repeat(40)}b\n${'?*'.repeat(40)}\n`,
      [`${'b/'.repeat(60)}y`]: 'deep',
      ['a'.repeat(199)]: 'long',
    },
    holds: { [`all/${'b/'.repeat(60)}y`]: 'deep' },
  },
  {
    name: 'a .dockerignore that climbs out and escapes',
    dockerfile: everything,
    files: { '.dockerignore': '../../..\n!../outside\n/..\n!/\n\\\n#\n!**/../../f\n' },
    says: /\.dockerignore line 5: .*it ends with a backslash \(DOCKERIGNORE_INVALID\)/,
    status: 2,
  },
  {
    name: 'a .dockerignore that is a pipe',
    dockerfile: everything,
    prepare: (context) => execFileSync('mkfifo', [join(context, '.dockerignore')]),
    says: /\.dockerignore of the build context: EINVAL \(CONTEXT_UNREADABLE\)/,
    status: 2,
  },
  {
    name: 'links out of it',
    dockerfile: 'FROM scratch\nCOPY l/f /x\n',
    prepare: (context, outside) => execFileSync('ln', ['-s', outside, join(context, 'l')]),
    says: /line 2.*"\/l\/f": not found/,
  },
  {
    name: 'a link out of it, mounted',
    dockerfile: 'FROM BASE\nRUN --mount=target=/c cat /c/l/f /c/h; ls -l /c; cat /c/l/f\n',
    prepare: (context, outside) => execFileSync('ln', ['-s', outside, join(context, 'l')]),
    says: /exit code 1/,
  },
  {
    name: 'a context that a RUN writes to',
    dockerfile: 'FROM BASE\nRUN --mount=target=/c,rw echo changed >/c/a; echo ran >/ran\nCOPY a /a\n',
    holds: { ran: 'ran\n', a: 'A' },
  },
];

const archives: readonly HostileRow[] = [
  {
    name: 'that is a bomb of 256 MiB',
    dockerfile: add,
    output: 'image',
    files: { 'a.tar': gzipSync(makeTar([{ path: 'zeros', content: zeros(256) }]), { level: 1 }) },
    holds: {},
  },
  {
    name: 'with ten thousand members',
    dockerfile: add,
    output: 'image',
    files: { 'a.tar': tarOfMany(10_000) },
    holds: {},
  },
  {
    name: 'with a hole of eight exbibytes',
    dockerfile: add,
    files: { 'a.tar': sparse(1n << 62n) },
    says: /line 2.*the sparse file hole has \d+ bytes \(UNSUPPORTED_LAYER\)/,
    status: 2,
  },
  {
    name: 'with an extended header of a gibibyte',
    dockerfile: add,
    files: { 'a.tar': claims(2 ** 30, 'x') },
    // It is no archive then, and copied as it is.
    output: 'image',
    holds: {},
  },
  {
    name: 'whose member says to be larger than all',
    dockerfile: add,
    files: { 'a.tar': claims(2 ** 32) },
    says: /ends inside a file.*INVALID_TAR/,
    status: 2,
  },
  {
    name: 'with names that talk to the terminal and fail',
    dockerfile: add,
    files: { 'a.tar': makeTar([{ path: '../\u001b]0;owned\u0007', content: 'x' }]) },
    says: /line 2.*UNSAFE_PATH/,
    status: 2,
  },
  {
    name: 'that is fetched and is one',
    dockerfile: 'FROM scratch\nADD URL/file /x\n',
    says: /line 2[\s\S]*fetching/,
  },
  {
    name: 'that is fetched and cut off',
    dockerfile: 'FROM scratch\nADD URL/cut /x\n',
    says: /line 2[\s\S]*fetching .*: it was cut off/,
  },
  {
    name: 'that is fetched under a name that climbs',
    dockerfile: 'FROM scratch\nADD URL/..%2f..%2f..%2fescaped /in/\n',
    holds: { 'in/escaped': 'downloaded' },
  },
  {
    name: 'of a repository that is an option',
    dockerfile: 'FROM scratch\nADD --upload-pack=touch${IFS}OUTSIDE/x.git /x\n',
    says: /ADD requires at least two arguments|unknown flag/,
    status: 2,
  },
];

const runs: readonly HostileRow[] = [
  {
    name: 'that kills everything',
    dockerfile: 'FROM BASE\nRUN kill -9 -1; echo ran >/ran\n',
    holds: ran,
  },
  {
    name: 'that kills everything, first of all itself',
    dockerfile: 'FROM BASE\nRUN kill -9 $$\n',
    says: /exit code 137/,
  },
  {
    name: 'that kills process 1',
    dockerfile: 'FROM BASE\nRUN kill -9 1; kill -TERM 1; echo ran >/ran\n',
    holds: ran,
  },
  {
    name: 'that takes its shell away',
    dockerfile: 'FROM BASE\nRUN ln -sf /OUTSIDE/f /bin/sh\nRUN true\n',
    says: /line 3[\s\S]*could not start \/bin\/sh: no such file/,
  },
  {
    name: 'that takes everything away',
    dockerfile: 'FROM BASE\nRUN rm -rf / 2>/dev/null; echo >/x; true\nRUN true\n',
    says: /line 3[\s\S]*could not start \/bin\/sh: no such file/,
  },
  {
    name: 'that links what others copy',
    dockerfile: 'FROM BASE AS one\nRUN ln -s OUTSIDE /made\nFROM scratch\nCOPY --from=one /made/f /x\n',
    says: /line 4.*"\/made\/f": not found/,
  },
  {
    name: 'that links where others write',
    dockerfile:
      'FROM BASE\nRUN ln -s OUTSIDE /made; ln -s OUTSIDE/f /name\nCOPY a /made/x\nCOPY a /name\nWORKDIR /made/w\nRUN echo ran >/ran\n',
    holds: ran,
  },
  {
    name: 'that makes folders deeper than the kernel names',
    dockerfile: `FROM BASE\nRUN ${deep}\n`,
    says: /line 2[\s\S]*made a path of more than 4095 bytes/,
  },
  {
    name: 'that leaves such folders in a cache',
    dockerfile: `FROM BASE\nRUN --mount=type=cache,target=/c cd /c; ${deep}; echo ran >/ran\nRUN --mount=type=cache,target=/c ls /c\n`,
    holds: ran,
  },
  {
    name: 'that names files in no UTF-8',
    dockerfile: 'FROM BASE\nRUN touch "$(printf \'n\\377\')"; ls | wc -l\n',
    says: /not UTF-8/,
  },
  {
    name: 'that fills the disk',
    room: 60,
    dockerfile: 'FROM BASE\nRUN cat /dev/zero >/big\n',
    says: /No space left on device[\s\S]*the disk that holds .*cache.* is full[\s\S]*exit code 1/,
  },
  {
    name: 'whose layer fills the disk',
    room: 60,
    dockerfile: 'FROM BASE\nRUN head -c 35000000 /dev/urandom >/big\nRUN echo ran >/ran\n',
    says: /line 3.*\/big cannot be written \(ENOSPC\) \(DISK_FULL\)[\s\S]*the disk that holds .*cache.* is full/,
    status: 3,
  },
  {
    name: 'that says very much',
    dockerfile: 'FROM BASE\nRUN yes | head -c 5000000; echo ran >/ran\n',
    holds: ran,
  },
  {
    name: 'that reads all of its own memory and devices',
    dockerfile:
      'FROM BASE\nRUN cat /proc/kcore /proc/kmsg /dev/mem /proc/1/mem >/dev/null 2>&1; echo ran >/ran\n',
    holds: ran,
  },
  {
    name: 'that locks up what the next one needs',
    dockerfile: 'FROM BASE\nRUN mkdir /l; echo x >/l/f; chmod 000 /l/f /l\nRUN rm -r /l; echo ran >/ran\n',
    holds: { ...ran, 'l/f': undefined },
  },
];

export const hostileRows: Readonly<Record<string, readonly HostileRow[]>> = {
  'a base': bases,
  'a context with': contexts,
  'an archive': archives,
  'a RUN': runs,
};
