import { text } from 'node:stream/consumers';
import { resolvePath, type Tree } from '../layers/tree.ts';
import type { Owner } from './layer-draft.ts';

/**
 * Finds the numbers of `user[:group]`, by the image's own passwd and group where they are names.
 *
 * A user alone brings the group of its line in passwd; a number alone is the group's number too. As with BuildKit, a user
 * that the image does not know is root, and such a group changes nothing.
 *
 * @param onUnknown told of each name that the image does not know
 */
export async function ownerOf(
  spec: string,
  tree: () => Promise<Tree>,
  onUnknown: (what: string) => void,
): Promise<Owner> {
  const colon = spec.indexOf(':');
  const user = colon < 0 ? spec : spec.slice(0, colon);
  const group = colon < 0 ? '' : spec.slice(colon + 1);
  const owner = await userOf(user, tree, onUnknown);
  if (group === '') return owner;
  if (isNumber(group)) return { ...owner, gid: Number(group) };
  const line = await lineOf('etc/group', group, tree);
  if (!line) onUnknown(`group ${JSON.stringify(group)}`);
  return line ? { ...owner, gid: Number(line[2]) } : owner;
}

async function userOf(
  user: string,
  tree: () => Promise<Tree>,
  onUnknown: (what: string) => void,
): Promise<Owner> {
  if (isNumber(user)) return { uid: Number(user), gid: Number(user) };
  if (user === '' || user === 'root') return { uid: 0, gid: 0 };
  const line = await lineOf('etc/passwd', user, tree);
  if (!line) onUnknown(`user ${JSON.stringify(user)}`);
  return line ? { uid: Number(line[2]), gid: Number(line[3]) } : { uid: 0, gid: 0 };
}

async function lineOf(
  file: string,
  name: string,
  tree: () => Promise<Tree>,
): Promise<readonly string[] | undefined> {
  const { node } = resolvePath(await tree(), file);
  const content = node?.entry.type === 'file' && node.entry.open ? await text(await node.entry.open()) : '';
  return content
    .split('\n')
    .map((item) => item.split(':'))
    .find((fields) => fields[0] === name && isNumber(fields[2] ?? ''));
}

function isNumber(value: string): boolean {
  return /^\d+$/.test(value);
}
