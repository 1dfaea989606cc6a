import { buffer } from 'node:stream/consumers';
import { must } from '../../../packages/core/src/engines/embedded/sandbox/calls/kernel.ts';
import { syscallProgram } from '../../../packages/core/src/engines/embedded/sandbox/calls/syscall-program.ts';
import { layerTar } from '../../../packages/core/src/engines/embedded/sandbox/helper/layer-tar.ts';
import { debTree } from '../debs.ts';
import { pushBase, pushImage } from '../embedded-builds.ts';
import { busyboxRoot, file, folder, symlink } from '../sandbox.ts';

const config = {
  Env: ['PATH=/usr/bin:/bin', 'A=1'],
  Cmd: ['/bin/sh'],
  WorkingDir: '/srv',
  Labels: { x: 'y', kept: 'yes' },
  ExposedPorts: { '1/tcp': {} },
};

/** What the rows build on, by the word that stands for it. */
export function conformanceImages(registry: string): Readonly<Record<string, string>> {
  const name = (path: string) => `${registry}/conformance/${path}:1`;
  return { BASE: name('base'), TRIGGERS: name('triggers'), BUSY: name('busy') };
}

/** Pushes them. */
export async function pushConformanceImages(names: Readonly<Record<string, string>>): Promise<void> {
  await pushBase(names.BASE ?? '', config);
  await pushBase(names.TRIGGERS ?? '', {
    ...config,
    OnBuild: ['ENV TRIGGERED=1', 'COPY a.txt /triggered', 'WORKDIR /from-trigger'],
  });
  await pushImage(names.BUSY ?? '', { Env: ['PATH=/bin', 'A=1'], Cmd: ['sh'] }, [await shellLayer()]);
}

/** Busybox, names for users, folders to delete and change, and a program that sets attributes. */
async function shellLayer(): Promise<Buffer> {
  const more = ['awk', 'sed', 'seq', 'tar', 'basename', 'dirname', 'true', 'false', 'printf', 'cut', 'xargs'];
  const entries = [
    ...(await busyboxRoot(await debTree('busybox-static', 'amd64'))),
    ...more.map((name) => symlink(`bin/${name}`, 'busybox')),
    file('bin/set-capability', attributeProgram('security.capability', capability), { mode: 0o755 }),
    file('bin/set-note', attributeProgram('user.note', Buffer.from('noted')), { mode: 0o755 }),
    ...['dev', 'proc', 'sys'].map((name) => folder(name)),
    folder('data', { mode: 0o750, uid: 1000, gid: 1001 }),
    file('data/a', 'a'),
    file('data/b', 'b', { mode: 0o4755 }),
    folder('data/sub'),
    file('data/sub/c', 'c'),
    symlink('data/link', 'sub'),
  ];
  return await buffer(layerTar(entries));
}

/** cap_net_bind_service=ep, revision 2: Linux, `include/uapi/linux/capability.h`. */
const capability = Buffer.from('0100000200040000000000000000000000000000', 'hex');

/** Busybox has no program for it: gives /target an attribute. */
function attributeProgram(name: string, value: Uint8Array): Uint8Array {
  return syscallProgram('amd64', [must(`set ${name}`, 'lsetxattr', '/target', name, value, value.length, 0)]);
}
