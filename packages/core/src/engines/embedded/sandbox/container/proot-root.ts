import { type BigIntStats, chmodSync, lstatSync, mkdirSync, readdirSync } from 'node:fs';
import type { ChangedEntry } from '../files/changes.ts';
import { composeRoot, folderChanges, takeSnapshot } from '../files/compose.ts';
import { type Given, isClosed } from '../files/given.ts';
import { mergedGiven } from '../files/merged.ts';
import { copyRootOwner } from '../files/root-files.ts';
import type { ContainerUser } from './container-command.ts';
import type { SandboxRun } from './sandbox-run.ts';

/** A root whose files all belong to the user of this process, whatever they are in the image. */
export interface ProotRoot {
  readonly root: string;
  /** What a command of this user changed. Nothing tells whom else it gave files: what was there keeps its owner, what is new is the user's. */
  changes(user: ContainerUser): readonly ChangedEntry[];
}

/** Puts layers together into a root. */
export function prootRoot({ layers, site, work }: SandboxRun): ProotRoot {
  const root = `${work}/root`;
  mkdirSync(root);
  copyRootOwner(layers, root);
  composeRoot(layers, root, site.place);
  const given = mergedGiven(layers);
  const before = new Map<string, BigIntStats>(takeSnapshot(root));
  // The deepest first, as some lock their own folders away.
  for (const [path, { mode }] of [...given].sort(([a], [b]) => b.length - a.length)) {
    const stats = before.get(path);
    if (stats === undefined || stats.isSymbolicLink() || !isClosed(`${root}/${path}`, mode)) continue;
    chmodSync(`${root}/${path}`, mode);
    before.set(path, Object.assign(stats, { mode: (stats.mode & ~0o7777n) | BigInt(mode) }));
  }
  return {
    root,
    changes: ({ uid, gid }) => {
      const modes = opened(root);
      const owner = (path: string): Pick<Given, 'uid' | 'gid'> =>
        before.has(path) ? (given.get(path) ?? { uid: 0, gid: 0 }) : { uid, gid };
      return folderChanges(root, before, site.place, new Set(), modes).map(({ entry, file }) => {
        if (entry.type === 'whiteout') return { entry, file };
        const { uid: user, gid: group } = owner(entry.path);
        return { entry: { ...entry, uid: user, gid: group }, file };
      });
    },
  };
}

/** Makes every file readable and every folder enterable; gives the modes of those that were not. */
function opened(root: string): ReadonlyMap<string, number> {
  const modes = new Map<string, number>();
  const open = (folder: string): void => {
    for (const entry of readdirSync(`${root}/${folder}`, { withFileTypes: true })) {
      if (!entry.isDirectory() && !entry.isFile()) continue;
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      const file = `${root}/${path}`;
      const mode = lstatSync(file).mode & 0o7777;
      if (isClosed(file, mode)) {
        modes.set(path, mode);
        chmodSync(file, mode | (entry.isDirectory() ? 0o700 : 0o600));
      }
      if (entry.isDirectory()) open(path);
    }
  };
  open('');
  return modes;
}
