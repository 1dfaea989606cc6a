import { text } from 'node:stream/consumers';
import { CopyError } from '../copy/layer-draft.ts';
import { resolvePath, type Tree } from '../layers/tree.ts';
import type { ContainerUser } from './container/container-command.ts';

export interface NamedUser extends ContainerUser {
  /** What HOME is where the image says nothing. */
  readonly home: string;
}

/**
 * Finds who `USER user[:group]` is, as OCI runtimes do: by the image's own passwd and group, with the groups that list
 * the user unless one is named; a number that passwd does not know is in group 0.
 * @throws CopyError for names that the image does not know
 */
export async function containerUser(spec: string, tree: () => Promise<Tree>): Promise<NamedUser> {
  const [user = '', group = ''] = (spec === '' ? '0' : spec).split(':', 2);
  const merged = await tree();
  const people = await linesOf(merged, 'etc/passwd');
  const groups = await linesOf(merged, 'etc/group');
  const person = people.find(([name, , uid]) => name === user || (isNumber(user) && uid === user));
  if (person === undefined && !isNumber(user) && user !== 'root')
    throw new CopyError(`there is no user ${JSON.stringify(user)} in the image's /etc/passwd`);
  const uid = Number(person?.[2] ?? (isNumber(user) ? user : 0));
  const home = person?.[5] || '/';
  if (group !== '') {
    const line = groups.find(([name, , gid]) => name === group || (isNumber(group) && gid === group));
    if (line === undefined && !isNumber(group))
      throw new CopyError(`there is no group ${JSON.stringify(group)} in the image's /etc/group`);
    const gid = Number(line?.[2] ?? group);
    return { uid, gid, groups: [gid], home };
  }
  const gid = Number(person?.[3] ?? 0);
  const name = person?.[0];
  const listed = groups.filter(
    ([, , , members = '']) => name !== undefined && members.split(',').includes(name),
  );
  const all = [...listed.map(([, , number]) => Number(number)), gid];
  return { uid, gid, groups: [...new Set(all)], home };
}

/** Tells whether USER means root, as far as it says so itself. */
export function isRoot(spec: string): boolean {
  return /^(?:|0|root)(?::(?:0|root)?)?$/.test(spec);
}

/** The lines of a file of users or groups that have a number. */
async function linesOf(tree: Tree, file: string): Promise<readonly (readonly string[])[]> {
  const { node } = resolvePath(tree, file);
  const content = node?.entry.type === 'file' && node.entry.open ? await text(await node.entry.open()) : '';
  return content
    .split('\n')
    .map((line) => line.split(':'))
    .filter((fields) => isNumber(fields[2] ?? ''));
}

function isNumber(value: string): boolean {
  return /^\d+$/.test(value);
}
