import { createHash } from 'node:crypto';
import { basename, resolve } from 'node:path/posix';
import type { BuildSecrets } from '../../build-secrets.ts';
import { CopyError } from '../copy/layer-draft.ts';
import type { FileSource } from '../file-source.ts';
import type { LayerEntry } from '../layers/entry.ts';
import { folderEntry } from '../layers/entry.ts';
import { resolvePath, type Tree, type TreeNode } from '../layers/tree.ts';
import type { RunMount, RunRequest } from '../run-request.ts';
import type { MountFiles, SandboxMount } from './sandbox-request.ts';

/** What the mounts of a RUN are to the sandbox. */
export interface PreparedMounts {
  readonly mounts: readonly SandboxMount[];
  /** Secrets; they come before the image's own variables. */
  readonly environment: Readonly<Record<string, string>>;
  /** What the image's own variables come before. */
  readonly defaults: Readonly<Record<string, string>>;
  /** Ids of secrets that were not given, and that the RUN does not require. */
  readonly forgotten: readonly string[];
}

const defaultIds = { uid: 0, gid: 0 };

/**
 * Reads `RUN --mount` as BuildKit's Dockerfile reference has it.
 * @throws CopyError for fields that are wrong, and for files and secrets that are not there
 */
export async function prepareMounts(
  request: RunRequest,
  secrets: BuildSecrets | undefined,
): Promise<PreparedMounts> {
  const mounts: SandboxMount[] = [];
  const environment: Record<string, string> = {};
  const agents: string[] = [];
  const forgotten: string[] = [];
  for (const mount of request.mounts) {
    const { fields, source } = mount;
    const type = fields.type ?? 'bind';
    switch (type) {
      case 'bind':
        mounts.push(await bindMount(request, mount));
        break;
      case 'tmpfs': {
        const size = fields.size;
        mounts.push({
          ...{ kind: 'tmpfs', target: targetOf(request, fields) },
          size: size === undefined ? undefined : bytesOf(size),
        });
        break;
      }
      case 'cache': {
        const target = targetOf(request, fields);
        const id = fields.id || target;
        const name = createHash('sha256').update(id).digest('hex').slice(0, 24);
        const shared = fields.sharing ?? 'shared';
        if (shared !== 'shared' && shared !== 'locked' && shared !== 'private')
          throw wrong('sharing', shared);
        const hasSource = fields.from !== undefined;
        const path = pathIn(fields);
        mounts.push({
          ...{ kind: 'cache', target, name, id },
          ...(shared === 'shared' ? {} : { sharing: shared }),
          ...(hasSource ? await filesOf(source, path) : { from: undefined, path: '' }),
          readOnly: flag(fields, ['ro', 'readonly']) ?? false,
          ...{ mode: octal(fields.mode, 0o755), ...idsOf(fields) },
        });
        break;
      }
      case 'secret': {
        const { id, target, variable } = secretNames(fields);
        const content = await secrets?.secret(id);
        if (content === undefined) {
          if (flag(fields, ['required']) === true)
            throw missing(`secret ${JSON.stringify(id)}`, 'secret', id);
          forgotten.push(id);
          break;
        }
        if (variable !== undefined) environment[variable] = Buffer.from(content).toString('utf8');
        if (target === undefined) break;
        mounts.push({
          ...{ kind: 'secret', target: resolve(request.workingDirectory, target) },
          content: Buffer.from(content).toString('base64'),
          ...{ mode: octal(fields.mode, 0o400), ...idsOf(fields) },
        });
        break;
      }
      case 'ssh': {
        const id = fields.id || 'default';
        const target = fields.target ?? fields.dst ?? `/run/buildkit/ssh_agent.${agents.length}`;
        agents.push(target);
        const socket = secrets?.agent(id);
        if (socket === undefined) {
          if (flag(fields, ['required']) === true)
            throw missing(`SSH agent ${JSON.stringify(id)}`, 'ssh', id);
          break;
        }
        mounts.push({
          ...{ kind: 'ssh', target: resolve(request.workingDirectory, target), socket },
          ...{ mode: octal(fields.mode, 0o600), ...idsOf(fields) },
        });
        break;
      }
      default:
        throw wrong('type', type);
    }
  }
  const [agent] = agents;
  return { mounts, environment, forgotten, defaults: agent === undefined ? {} : { SSH_AUTH_SOCK: agent } };
}

/** A secret's id, and where its content goes: into a file unless only a variable is named. */
function secretNames(fields: Fields): {
  readonly id: string;
  readonly target: string | undefined;
  readonly variable: string | undefined;
} {
  const given = fields.target ?? fields.dst ?? fields.destination;
  const id = fields.source || fields.src || fields.id || basename(given ?? '');
  if (id === '') throw new CopyError('--mount=type=secret needs an id or a target');
  const variable = fields.env || undefined;
  const target = given || (variable === undefined ? `/run/secrets/${basename(id)}` : undefined);
  return { id, target, variable };
}

function missing(what: string, flagName: string, id: string): CopyError {
  return new CopyError(
    `there is no ${what}: the build was given none with --${flagName} ${flagName === 'secret' ? 'id=' : ''}${id}`,
  );
}

async function bindMount(request: RunRequest, { fields, source }: RunMount): Promise<SandboxMount> {
  const writable = flag(fields, ['rw', 'readwrite']) ?? flag(fields, ['ro', 'readonly']) === false;
  return {
    ...{ kind: 'bind', target: targetOf(request, fields) },
    ...(await filesOf(source, pathIn(fields))),
    readOnly: !writable,
  };
}

/** Of a context, which has no layers, the files themselves are taken. */
async function filesOf(
  source: FileSource,
  path: string,
): Promise<{ readonly from: MountFiles; readonly path: string }> {
  const { path: real, node } = resolvePath(await source.tree(), path);
  if (node === undefined) throw new CopyError(`"/${path}": not found`);
  if (source.layers) return { from: { layers: source.layers }, path: real };
  return { from: { entries: [...parents(await source.tree(), real), ...below(node, real)] }, path: real };
}

function parents(tree: Tree, path: string): readonly LayerEntry[] {
  const names = path.split('/').slice(0, -1);
  let node: TreeNode | undefined = tree;
  return names.map((name, index) => {
    node = node?.children?.get(name);
    const at = names.slice(0, index + 1).join('/');
    return node === undefined ? folderEntry(at) : { ...node.entry, path: at };
  });
}

function* below({ entry, children }: TreeNode, path: string): Generator<LayerEntry> {
  if (path !== '') yield { ...entry, path };
  for (const [name, child] of children ?? []) yield* below(child, path === '' ? name : `${path}/${name}`);
}

type Fields = RunMount['fields'];

function targetOf({ workingDirectory }: RunRequest, fields: Fields): string {
  const target = fields.target ?? fields.dst ?? fields.destination;
  if (!target) throw new CopyError('--mount needs a target');
  const path = resolve(workingDirectory, target);
  if (path === '/') throw new CopyError('--mount cannot take the place of the root');
  return path;
}

function pathIn(fields: Fields): string {
  return resolve('/', fields.source ?? fields.src ?? '/').slice(1);
}

function idsOf(fields: Fields): { readonly uid: number; readonly gid: number } {
  const number = (name: 'uid' | 'gid'): number => {
    const text = fields[name] ?? String(defaultIds[name]);
    if (!/^\d{1,10}$/.test(text)) throw wrong(name, text);
    return Number(text);
  };
  return { uid: number('uid'), gid: number('gid') };
}

function octal(text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  if (!/^[0-7]{1,5}$/.test(text)) throw wrong('mode', text);
  return Number.parseInt(text, 8);
}

function flag(fields: Fields, names: readonly string[]): boolean | undefined {
  for (const name of names) {
    const text = fields[name];
    if (text === undefined) continue;
    if (text === '' || text === 'true' || text === '1') return true;
    if (text === 'false' || text === '0') return false;
    throw wrong(name, text);
  }
  return undefined;
}

/** `100`, `64m`, `1g`, … */
function bytesOf(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?$/i.exec(text);
  if (!match) throw wrong('size', text);
  const power = ' kmgt'.indexOf((match[2] ?? '').toLowerCase() || ' ');
  return Math.floor(Number(match[1]) * 1024 ** power);
}

function wrong(field: string, value: string): CopyError {
  return new CopyError(`--mount has ${field}=${value}, which is unknown`);
}
