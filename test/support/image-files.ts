import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { ImageConfig } from '@mabuild/oci';

/** An image as the tests see it; this reader shares no code with the product. */
export interface ImageFiles {
  /** `type mode uid:gid …` by path: a digest of the content, a target, a device's numbers, attributes. */
  readonly files: Readonly<Record<string, string>>;
  /** Seconds since the epoch by path. */
  readonly times: Readonly<Record<string, number>>;
  readonly config: ImageConfig;
  readonly layers: number;
}

interface Node {
  readonly type: string;
  readonly mode: number;
  readonly owner: string;
  readonly mtime: number;
  readonly shown: string;
  /** The same for all names of one file. */
  readonly inode: object;
}

interface Descriptor {
  readonly digest: string;
  readonly mediaType: string;
}

/** Reads the only image of an OCI layout: layers applied, whiteouts gone. */
export async function readImageFiles(layout: string): Promise<ImageFiles> {
  const blob = ({ digest }: Descriptor) => readFile(join(layout, 'blobs', digest.replace(':', '/')));
  const json = async (bytes: Promise<Buffer>) => JSON.parse((await bytes).toString('utf8'));
  let root = await json(readFile(join(layout, 'index.json')));
  while (root.manifests !== undefined) root = await json(blob(root.manifests[0]));
  const nodes = new Map<string, Node>();
  for (const layer of (root.layers ?? []) as readonly Descriptor[]) {
    const bytes = await blob(layer);
    applyTar(nodes, layer.mediaType.endsWith('gzip') ? gunzipSync(bytes) : bytes);
  }
  const names = new Map<object, string>();
  const files: Record<string, string> = {};
  const times: Record<string, number> = {};
  for (const [path, node] of [...nodes].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const other = names.get(node.inode);
    names.set(node.inode, other ?? path);
    const mode = node.type === 'symlink' ? '' : node.mode.toString(8);
    const shown = other === undefined ? node.shown : `same file as ${other}`;
    files[path] = [node.type, mode, node.owner, shown].filter((part) => part !== '').join(' ');
    times[path] = node.mtime;
  }
  return { files, times, config: await json(blob(root.config)), layers: root.layers?.length ?? 0 };
}

const types: Readonly<Record<string, string>> = {
  '\0': 'file',
  '0': 'file',
  '1': 'link',
  '2': 'symlink',
  '3': 'character-device',
  '4': 'block-device',
  '5': 'directory',
  '6': 'fifo',
};

/** Applies a layer to a tree: OCI image-spec, "Image Layer Filesystem Changeset". */
function applyTar(nodes: Map<string, Node>, tar: Buffer): void {
  const own = new Set<string>();
  for (const { path, type, header, pax, content, linkname } of membersOf(tar)) {
    if (path === '') continue;
    const slash = path.lastIndexOf('/') + 1;
    const name = path.slice(slash);
    if (name === '.wh..wh..opq') remove(nodes, path.slice(0, slash), own);
    else if (name.startsWith('.wh.')) remove(nodes, `${path.slice(0, slash)}${name.slice(4)}`, own);
    else {
      if (type !== 'directory' || nodes.get(path)?.type !== 'directory') remove(nodes, path, own);
      own.add(path);
      const linked = type === 'link' ? nodes.get(linkname) : undefined;
      if (type === 'link' && linked === undefined) throw new Error(`${path} links to nothing: ${linkname}`);
      nodes.set(path, linked ?? nodeOf(type, header, pax, content, linkname));
    }
  }
}

/** Takes a path, or with a slash at its end what lies in it, away; what the same layer brought stays. */
function remove(nodes: Map<string, Node>, path: string, own: ReadonlySet<string>): void {
  const below = path.endsWith('/') ? path : `${path}/`;
  for (const other of [...nodes.keys()])
    if ((other === path || other.startsWith(below)) && !own.has(other)) nodes.delete(other);
}

function nodeOf(
  type: string,
  header: Buffer,
  pax: ReadonlyMap<string, Buffer>,
  content: Buffer,
  linkname: string,
): Node {
  const number = (key: string, at: number, length: number) =>
    pax.has(key) ? Math.floor(Number(pax.get(key))) : numberAt(header, at, length);
  const attributes = [...pax]
    .filter(([key]) => key.startsWith('SCHILY.xattr.'))
    .map(([key, value]) => `${key.slice(13)}=${value.toString('base64')}`)
    .sort();
  const shown = {
    file: shownContent(content),
    symlink: linkname,
    'character-device': `${numberAt(header, 329, 8)},${numberAt(header, 337, 8)}`,
    'block-device': `${numberAt(header, 329, 8)},${numberAt(header, 337, 8)}`,
  }[type];
  return {
    type,
    mode: numberAt(header, 100, 8) & 0o7777,
    owner: `${number('uid', 108, 8)}:${number('gid', 116, 8)}`,
    mtime: number('mtime', 136, 12),
    shown: [shown, ...attributes].filter((part) => part !== undefined).join(' '),
    inode: {},
  };
}

/** A short text as it is, anything else as its length and digest. */
export function shownContent(content: Buffer): string {
  const text = content.toString('utf8');
  if (content.length <= 300 && Buffer.from(text).equals(content)) return JSON.stringify(text);
  return `${content.length} bytes ${createHash('sha256').update(content).digest('hex').slice(0, 12)}`;
}

interface Member {
  readonly path: string;
  readonly type: string;
  readonly header: Buffer;
  readonly pax: ReadonlyMap<string, Buffer>;
  readonly content: Buffer;
  readonly linkname: string;
}

function* membersOf(tar: Buffer): Generator<Member> {
  let pax = new Map<string, Buffer>();
  for (let at = 0; at + 512 <= tar.length && tar[at] !== 0; ) {
    const header = tar.subarray(at, at + 512);
    const flag = String.fromCharCode(header[156] ?? 0);
    const size = Number(pax.get('size') ?? numberAt(header, 124, 12));
    const content = tar.subarray(at + 512, at + 512 + size);
    at += 512 + Math.ceil(size / 512) * 512;
    if (flag === 'x') {
      pax = recordsOf(content);
      continue;
    }
    if (flag === 'g') continue;
    const type = types[flag];
    if (type === undefined) throw new Error(`a tar member of type ${flag}`);
    if ([...pax.keys()].some((key) => key.startsWith('GNU.sparse'))) throw new Error('a sparse member');
    const prefix = textAt(header, 345, 155);
    const path = pax.get('path')?.toString() ?? (prefix === '' ? '' : `${prefix}/`) + textAt(header, 0, 100);
    const linkname = pax.get('linkpath')?.toString() ?? textAt(header, 157, 100);
    const plain = (text: string) => text.replace(/^(\.?\/)+|\/+$/g, '');
    yield {
      ...{ type, header, pax, content },
      path: plain(path) === '.' ? '' : plain(path),
      linkname: type === 'link' ? plain(linkname) : linkname,
    };
    pax = new Map();
  }
}

function recordsOf(bytes: Buffer): Map<string, Buffer> {
  const records = new Map<string, Buffer>();
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(' ', at);
    const end = at + Number(bytes.subarray(at, space));
    const equals = bytes.indexOf('=', space);
    records.set(bytes.subarray(space + 1, equals).toString(), bytes.subarray(equals + 1, end - 1));
    at = end;
  }
  return records;
}

function textAt(header: Buffer, at: number, length: number): string {
  const field = header.subarray(at, at + length);
  const end = field.indexOf(0);
  return field.subarray(0, end < 0 ? length : end).toString('utf8');
}

function numberAt(header: Buffer, at: number, length: number): number {
  if (((header[at] ?? 0) & 0x80) !== 0) return header.readUIntBE(at + length - 6, 6);
  return Number.parseInt(textAt(header, at, length).trim() || '0', 8);
}
