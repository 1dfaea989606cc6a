import { createHash } from 'node:crypto';
import { createLimit, type Limit } from '../../../limit.ts';
import { contentDigest } from '../layers/content-digest.ts';
import { listFolder, type TreeNode } from '../layers/tree.ts';

const filesAtOnce = 16;
/** Nodes never change, so that each is hashed once. */
const known = new WeakMap<TreeNode, Promise<string>>();

/** A digest of everything below a node, times aside: contents, modes, owners, links. */
export async function treeDigest(node: TreeNode): Promise<string> {
  return await digestWith(node, createLimit(filesAtOnce));
}

function digestWith(node: TreeNode, limit: Limit): Promise<string> {
  const found = known.get(node) ?? hashed(node, limit);
  known.set(node, found);
  // A file that changed while it was read may be read again.
  found.catch(() => known.delete(node));
  return found;
}

async function hashed(node: TreeNode, limit: Limit): Promise<string> {
  const { type, mode, uid, gid, linkname, major, minor, xattrs } = node.entry;
  const children = await Promise.all(
    listFolder(node).map(async ([name, child]) => [name, await digestWith(child, limit)]),
  );
  const content =
    type === 'file' ? (node.entry.digest ?? (await limit(() => contentDigest(node.entry)))) : null;
  const facts = [type, mode, uid, gid, linkname, major, minor, xattrs, content, children];
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex');
}
