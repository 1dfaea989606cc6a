import { treeDigest } from '../cache/tree-digest.ts';
import { matchPaths } from '../copy/wildcards.ts';
import type { FileSource } from '../file-source.ts';
import { resolvePath, type TreeNode } from '../layers/tree.ts';
import type { StepSite } from './step.ts';

/**
 * What decides which files a COPY takes: the layers of a stage or an image, or the digests of what it names in a context.
 *
 * With it a step is found again without reading what lies below it, on a machine that has none of it.
 * @returns `undefined` where that is not known, or not worth reading files for
 */
export async function sourceFacts(
  source: FileSource,
  paths: readonly string[],
  { epoch, keepsElsewhere }: Pick<StepSite, 'epoch' | 'keepsElsewhere'>,
): Promise<readonly unknown[] | undefined> {
  if (source.layers) return ['layers', source.layers.map(({ diffId }) => diffId)];
  // Files are read once more for it, which only pays where layers would have to be fetched.
  if (!keepsElsewhere) return undefined;
  const tree = await source.tree();
  const facts: unknown[] = [];
  for (const path of paths) {
    for (const found of matchPaths(tree, path)) {
      const { node } = resolvePath(tree, found);
      if (node === undefined) return undefined;
      facts.push([found, await treeDigest(node), epoch === undefined ? null : timesOf(node, epoch)]);
    }
  }
  return ['files', facts];
}

/** Times as they come into the layer, in the order of names. */
function timesOf({ entry, children }: TreeNode, epoch: number): readonly unknown[] {
  const below = [...(children ?? [])].sort(([a], [b]) => (a < b ? -1 : 1));
  return [Math.min(entry.mtime, epoch), ...below.map(([, child]) => timesOf(child, epoch))];
}
