import { spawn } from 'node:child_process';
import { chmodSync, lstatSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { MabuildError } from '@mabuild/oci';
import { runProgram } from '../calls/batch.ts';
import { mountFlags, must } from '../calls/kernel.ts';
import { serveAgent } from '../container/agent-socket.ts';
import type { ContainerMount } from '../container/container.ts';
import { check, type SandboxRun } from '../container/sandbox-run.ts';
import type { JobLayer, JobMount } from '../helper/job.ts';
import { layersOf, shelfPath, unpackOnce } from '../shelf/layer-shelf.ts';
import { composeRoot } from './compose.ts';
import { giveTo } from './give-to.ts';
import { mergedNode, mergedPath, type UnpackedLayer } from './merged.ts';
import { copyRootOwner } from './root-files.ts';

export async function mountOf(mount: JobMount, folder: string, context: SandboxRun): Promise<ContainerMount> {
  const { job, site } = context;
  const { target } = mount;
  switch (mount.kind) {
    case 'tmpfs': {
      const size = mount.size === undefined ? '' : `,size=${mount.size}`;
      return { kind: 'tmpfs', target, options: `mode=1777${size}` };
    }
    case 'secret': {
      const name = `secret-${basename(folder)}`;
      const file = `${context.work}/private/${name}`;
      writeFileSync(file, Buffer.from(mount.content, 'base64'), { mode: 0o600 });
      giveTo(file, mount, site.onNote);
      chmodSync(file, mount.mode);
      return { kind: 'tree', root: dirname(file), path: name, target, type: 'file', readOnly: true };
    }
    case 'ssh': {
      const root = `${context.work}/private`;
      const name = `agent-${basename(folder)}`;
      await serveAgent(mount, `${root}/${name}`, site.onNote);
      return { kind: 'tree', root, path: name, target, type: 'file', readOnly: true };
    }
    case 'bind': {
      const { root, layers } = await rootOf(mount.from, mount.readOnly, folder, context);
      const path = mergedPath(layers, mount.path);
      const found = mergedNode(layers, path);
      if (found === undefined) {
        throw new MabuildError(`mounting ${target}: there is no /${mount.path} in what it takes from`, {
          code: 'BUILD_FAILED',
          hint: 'look at source= and from= of --mount, and at .dockerignore',
        });
      }
      const type = found.stats.isDirectory() ? 'directory' : 'file';
      return { kind: 'tree', root, path, target, type, readOnly: mount.readOnly };
    }
    default: {
      const cache = `${job.directory}/caches/${mount.name}`;
      if (!isThere(cache)) {
        const made = `${folder}-cache`;
        mkdirSync(made);
        giveTo(made, mount, site.onNote);
        chmodSync(made, mount.mode);
        if (mount.from !== undefined) await fillCache(mount.from, mount.path, made, folder, context);
        try {
          renameSync(made, cache);
        } catch (error) {
          // Somebody else was faster.
          if (!isThere(cache)) throw error;
        }
      } else if (mount.from === 'tar') {
        // It comes before those of the other mounts.
        context.frames.next();
      }
      return { kind: 'tree', root: cache, path: '', target, type: 'directory', readOnly: mount.readOnly };
    }
  }

  async function fillCache(
    from: readonly JobLayer[] | 'tar',
    path: string,
    made: string,
    at: string,
    where: SandboxRun,
  ): Promise<void> {
    const { root, layers } = await rootOf(from, true, at, where);
    const source = `${root}/${mergedPath(layers, path)}`;
    const { status, error } = await spawned('cp', ['-a', '--reflink=auto', `${source}/.`, made], site.onNote);
    if (status === 0) return;
    throw new MabuildError(`filling the cache of ${target}: cp failed${error ? ` (${error})` : ''}`, {
      code: 'BUILD_FAILED',
      hint: 'look at source= and from= of --mount',
    });
  }
}

/** Tells whether there is a cache; what a command put in its place without namespaces, like a link to the machine's files, is none. */
export function isThere(cache: string): boolean {
  const found = lstatSync(cache, { throwIfNoEntry: false });
  if (found !== undefined && !found.isDirectory()) rmSync(cache, { force: true });
  return found?.isDirectory() ?? false;
}

/** Puts the layers that a mount takes from together; what is written to them is thrown away. */
export async function rootOf(
  from: readonly JobLayer[] | 'tar',
  readOnly: boolean,
  folder: string,
  { job, frames, site, work }: SandboxRun,
): Promise<{ readonly root: string; readonly layers: readonly UnpackedLayer[] }> {
  mkdirSync(folder);
  if (job.fileSystem === 'copy') {
    if (from === 'tar')
      return { root: `${folder}/tar`, layers: [await unpackOnce(frames.next(), `${folder}/tar`, site)] };
    mkdirSync(`${folder}/tar`);
    composeRoot(await layersOf(from, () => frames.next(), site), `${folder}/tar`, site.place);
    return { root: `${folder}/tar`, layers: [{ root: `${folder}/tar`, opaque: new Set() }] };
  }
  const relative = (name: string): string => `work/${basename(work)}/mounts/${basename(folder)}${name}`;
  let layers: readonly UnpackedLayer[];
  let lower: readonly string[];
  if (from === 'tar') {
    layers = [await unpackOnce(frames.next(), `${folder}/tar`, site)];
    lower = [relative('/tar')];
    if (readOnly) return { root: `${folder}/tar`, layers };
  } else {
    layers = await layersOf(from, () => frames.next(), site);
    lower = from.map(({ id }) => shelfPath(id)).reverse();
    if (lower.length === 0) {
      mkdirSync(`${folder}/tar`);
      return { root: `${folder}/tar`, layers: [{ root: `${folder}/tar`, opaque: new Set() }] };
    }
  }
  for (const name of ['upper', 'work', 'merged']) mkdirSync(`${folder}/${name}`);
  copyRootOwner(layers, `${folder}/upper`);
  const options = [
    `lowerdir=${lower.join(':')}`,
    `upperdir=${relative('/upper')},workdir=${relative('/work')}`,
    ...(site.marks === 'user' ? ['userxattr'] : []),
  ];
  check(
    runProgram(site.place, [
      must('enter the cache', 'chdir', job.directory),
      must(
        'mount overlayfs',
        'mount',
        'overlay',
        relative('/merged'),
        'overlay',
        mountFlags.noDevices,
        options.join(','),
      ),
    ]),
  );
  return { root: `${folder}/merged`, layers };
}

export async function spawned(
  command: string,
  given: readonly string[],
  onNote: (text: string) => void,
): Promise<{ readonly status: number | null; readonly error?: string }> {
  return await new Promise((resolve) => {
    const child = spawn(command, given, { stdio: ['ignore', 'ignore', 'pipe'] });
    child.stderr.on('data', (chunk: Buffer) => onNote(chunk.toString('utf8').trim()));
    child.once('error', (error) => resolve({ status: null, error: error.message }));
    child.once('close', (status) => resolve({ status }));
  });
}
