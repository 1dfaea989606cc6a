import type { Finding } from '../rules/rule.ts';
import { type LockRequest, lockError } from './lock-finding.ts';
import { type NodePackage, nodeFindings } from './node-packages.ts';

interface Draft {
  name: string;
  version: string;
  cpu: readonly string[];
  os: readonly string[];
  optional: boolean;
  wishes: string[];
  range: NodePackage['range'];
}

/** A line of YAML as the package managers write it. */
interface Line {
  /** Where the key stands, its quotes included. */
  readonly start: number;
  readonly end: number;
  readonly indent: number;
  readonly key: string;
  readonly value: string;
}

/** pnpm and yarn write their YAML line by line and always alike, so it is read so: a general reader takes seconds. */
function* linesOf(text: string): Generator<Line> {
  for (let start = 0; start < text.length; ) {
    const feed = text.indexOf('\n', start);
    const end = feed < 0 ? text.length : feed;
    const match = /^( *)("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s#'":][^:]*(?::(?! |$)[^:]*)*):(?: (.*))?$/.exec(
      text.slice(start, end).trimEnd(),
    );
    if (match) {
      const [, indent = '', key = '', value = ''] = match;
      yield {
        start: start + indent.length,
        end: start + indent.length + key.length,
        indent: indent.length,
        key: unquoted(key),
        value: value.trim(),
      };
    }
    start = end + 1;
  }
}

function unquoted(text: string): string {
  return /^(['"]).*\1$/.test(text) ? text.slice(1, -1) : text;
}

/** Of `[x64, '!arm']`, or of one word. */
function listOf(value: string): readonly string[] {
  return value
    .replace(/^\[|\]$/g, '')
    .split(',')
    .map((item) => unquoted(item.trim()))
    .filter((item) => item !== '');
}

/**
 * Finds what a pnpm-lock.yaml (version 5 to 9) has no ARM build of.
 *
 * @throws MabuildError `LOCKFILE_SYNTAX`
 */
export function readPnpmLock(request: LockRequest): readonly Finding[] {
  const { text } = request;
  if (!/^lockfileVersion:/m.test(text))
    throw lockError(request, 0, 'no lock file of pnpm: it has no lockfileVersion');
  const drafts = new Map<string, Draft>();
  let section = '';
  let draft: Draft | undefined;
  let field = '';
  for (const { start, end, indent, key, value } of linesOf(text)) {
    if (indent === 0) {
      section = key;
      draft = undefined;
    } else if (section !== 'packages' && section !== 'snapshots') continue;
    else if (indent === 2) {
      const { name, version } = pnpmName(key);
      const known = drafts.get(`${name}@${version}`);
      draft = known ?? {
        name,
        version,
        cpu: [],
        os: [],
        optional: false,
        wishes: [],
        range: { start, end },
      };
      drafts.set(`${name}@${version}`, draft);
    } else if (!draft) continue;
    else if (indent === 4) {
      field = key;
      if (key === 'cpu') draft.cpu = listOf(value);
      if (key === 'os') draft.os = listOf(value);
      if (key === 'optional' && value === 'true') draft.optional = true;
    } else if (indent === 6 && field === 'optionalDependencies') draft.wishes.push(key);
  }
  return nodeFindings([...drafts.values()], request.platforms);
}

/** `/@scope/name/1.0.0`, `/@scope/name@1.0.0(peer@1)`, `@scope/name@1.0.0`. */
function pnpmName(key: string): { name: string; version: string } {
  const plain = key.replace(/^\//, '').replace(/\(.*$/, '');
  const at = plain.indexOf('@', 1);
  if (at > 0) return { name: plain.slice(0, at), version: plain.slice(at + 1) };
  const slash = plain.lastIndexOf('/');
  return { name: plain.slice(0, slash), version: plain.slice(slash + 1).replace(/_.*$/, '') };
}

/** Finds what a yarn.lock of yarn 2 and later has no ARM build of; that of yarn 1 does not tell. */
export function readYarnLock(request: LockRequest): readonly Finding[] {
  const { text } = request;
  if (!/^__metadata:/m.test(text)) return [];
  const drafts: Draft[] = [];
  let draft: Draft | undefined;
  let field = '';
  let wish = '';
  for (const { start, end, indent, key, value } of linesOf(text)) {
    if (indent === 0) {
      const name = key.split(', ')[0]?.replace(/(?!^)@.*$/, '') ?? '';
      const local = key === '__metadata' || key.includes('@workspace:');
      draft = {
        name,
        version: '',
        cpu: [],
        os: [],
        optional: false,
        wishes: [],
        range: { start, end },
      };
      if (!local) drafts.push(draft);
    } else if (!draft) continue;
    else if (indent === 2) {
      field = key;
      if (key === 'version') draft.version = unquoted(value);
      if (key === 'conditions') {
        const words = (name: string): readonly string[] =>
          [...value.matchAll(new RegExp(`\\b${name}=([\\w!]+)`, 'g'))].map(([, word = '']) => word);
        draft.cpu = words('cpu');
        draft.os = words('os');
      }
    } else if (indent === 4 && field === 'dependenciesMeta') wish = key;
    else if (indent === 6 && field === 'dependenciesMeta' && key === 'optional' && value === 'true')
      draft.wishes.push(wish);
  }
  return nodeFindings(drafts, request.platforms);
}
