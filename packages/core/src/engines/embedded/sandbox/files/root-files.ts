import { chmodSync, chownSync, lstatSync, readdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import type { ContainerMount } from '../container/container.ts';
import { mergedNode, mergedPath, type UnpackedLayer } from './merged.ts';
import { parentsOf } from './parents-of.ts';

/** Files that every container gets. */
export function ownFiles(
  files: { readonly resolv: string; readonly hosts: string },
  folder: string,
): readonly (ContainerMount & { readonly kind: 'tree' })[] {
  const contents = { 'resolv.conf': files.resolv, hosts: files.hosts, dockerenv: '' };
  return Object.entries(contents).map(([name, content]) => {
    writeFileSync(`${folder}/${name}`, content, { mode: 0o644 });
    chmodSync(`${folder}/${name}`, 0o644);
    const target = name === 'dockerenv' ? '/.dockerenv' : `/etc/${name}`;
    return { kind: 'tree', root: folder, path: name, target, type: 'file', readOnly: true };
  });
}

/** The root folder's owner and mode come from the upper layer. */
export function copyRootOwner(layers: readonly UnpackedLayer[], upper: string): void {
  const stats = mergedNode(layers, '')?.stats;
  chmodSync(upper, stats === undefined ? 0o755 : stats.mode & 0o7777);
  if (stats !== undefined) chownSync(upper, stats.uid, stats.gid);
}

/** Paths on which something is mounted and that the image does not have, the deepest first. */
export function stubsOf(layers: readonly UnpackedLayer[], targets: readonly string[]): readonly string[] {
  const stubs = new Set<string>();
  for (const target of targets) {
    for (const path of parentsOf(`/${mergedPath(layers, target)}`)) {
      const at = path.slice(1);
      if (mergedNode(layers, at) === undefined) stubs.add(at);
    }
  }
  return [...stubs].sort((a, b) => b.length - a.length);
}

/** Takes mount points away that are still as empty as they were made. */
export function removeStubs(upper: string, stubs: readonly string[]): void {
  for (const path of stubs) {
    const file = `${upper}/${path}`;
    const stats = lstatSync(file, { throwIfNoEntry: false });
    if (stats?.isFile() && stats.size === 0) rmSync(file);
    else if (stats?.isDirectory() && readdirSync(file).length === 0) rmdirSync(file);
  }
}
