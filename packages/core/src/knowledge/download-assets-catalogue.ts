import { downloadTools } from './download-assets/index.ts';
import type { DownloadTool } from './download-assets/tool.ts';
import {
  compilePattern,
  expandAlternatives,
  matchPattern,
  type Pattern,
  type Slot,
} from './download-assets-template.ts';

/** A tool whose download a text names. */
export interface Found {
  readonly tool: DownloadTool;
  readonly slots: readonly Slot[];
  readonly version: string | undefined;
  /** How much of the text the template spells out. */
  readonly weight: number;
  /** The rows of names whose amd64 text stands there; an empty range holds for every version. */
  readonly rows: readonly Row[];
}

interface Row {
  readonly range: string;
  /** linux/amd64, linux/arm64, linux/arm/v7, linux/arm/v6. */
  readonly names: readonly string[];
}

interface Template {
  readonly tool: DownloadTool;
  readonly template: string;
}

/** Tools by host, or by `github.com/owner/name`: what their templates are is worked out for those that are asked for. */
type AddressIndex = ReadonlyMap<string, readonly DownloadTool[]>;

interface Entry {
  readonly tool: DownloadTool;
  readonly pattern: Pattern;
  readonly rows: readonly Row[];
  /** The pattern's part after `?`. */
  readonly query: Pattern | undefined;
}

interface Catalogue {
  readonly addresses: AddressIndex;
  readonly compiled: Map<string, readonly Entry[]>;
  /** File names, by their first two characters. */
  names: ReadonlyMap<string, readonly Template[]> | undefined;
}

const catalogues = new WeakMap<readonly DownloadTool[], Catalogue>();

function catalogue(): Catalogue {
  let found = catalogues.get(downloadTools);
  if (!found) {
    found = { addresses: indexAddresses(), compiled: new Map(), names: undefined };
    catalogues.set(downloadTools, found);
  }
  return found;
}

function indexAddresses(): AddressIndex {
  const addresses = new Map<string, DownloadTool[]>();
  for (const tool of downloadTools) {
    const places = [
      ...list(tool.github).map((repository) => `github.com/${repository}/`),
      ...otherAddresses(tool),
    ];
    for (const key of new Set(places.flatMap((address) => keysOf(tool, address)))) {
      const known = addresses.get(key);
      if (known) known.push(tool);
      else addresses.set(key, [tool]);
    }
  }
  return addresses;
}

/** The templates of a tool's addresses under one key. */
function templatesFor(tool: DownloadTool, key: string): readonly Template[] {
  return addressesOf(tool)
    .filter((address) => keysOf(tool, address).includes(key))
    .map((address) => ({ tool, template: address.startsWith('{') ? address : lowerKey(address, key) }));
}

/** A host may itself differ between architectures. */
function keysOf(tool: DownloadTool, address: string): readonly string[] {
  const key = keyOf(address);
  if (!key.includes('{')) return [key];
  const keys = rowsOf(tool).map((row) => {
    const [arch = '', arch2 = ''] = row.names[0]?.split(',') ?? [];
    return keyOf(address.replaceAll('{arch}', () => arch).replaceAll('{arch2}', () => arch2));
  });
  return [...new Set(keys)];
}

function rowsOf(tool: DownloadTool): Row[] {
  const rows = typeof tool.arch === 'string' ? [['', tool.arch] as const] : tool.arch;
  return rows.map(([range, names]) => ({ range, names: names.split(' ') }));
}

function addressesOf(tool: DownloadTool): readonly string[] {
  const files = list(tool.files);
  const releases = list(tool.github).flatMap((repository) =>
    files.flatMap((file) => [
      `github.com/${repository.toLowerCase()}/releases/download/{*}/${file}`,
      `github.com/${repository.toLowerCase()}/releases/latest/download/${file}`,
    ]),
  );
  return [...releases, ...otherAddresses(tool)];
}

/** Addresses, with their alternatives when these may lie in the host or the repository. */
function otherAddresses(tool: DownloadTool): readonly string[] {
  return list(tool.urls).flatMap((url) =>
    url.startsWith('github.com/') || url.split('/', 1)[0]?.includes('{') ? expandAlternatives(url) : [url],
  );
}

function list(value: string | readonly string[] | undefined): readonly string[] {
  return value === undefined ? [] : typeof value === 'string' ? [value] : value;
}

/** The host, and on GitHub the repository, as the index has them. */
function keyOf(address: string): string {
  const parts = address.split('/', 3);
  const host = (parts[0] ?? '').toLowerCase();
  return host === 'github.com' ? `${host}/${parts[1]}/${parts[2]}`.toLowerCase() : host;
}

/** The downloads that an address without its scheme names: those whose templates spell out most of it. */
export function findPatterns(address: string): readonly Found[] {
  const { addresses, compiled } = catalogue();
  const key = keyOf(address);
  const tools = addresses.get(key);
  if (!tools) return [];
  const entries = compiledFor(compiled, key, () => tools.flatMap((tool) => templatesFor(tool, key)));
  return match(entries, lowerKey(address, key));
}

/** The downloads that a file's name alone names. */
export function findPatternsByName(name: string): readonly Found[] {
  const known = catalogue();
  known.names ??= indexNames();
  const start = name.slice(0, 2);
  const templates = known.names.get(start);
  return templates
    ? match(
        compiledFor(known.compiled, start, () => templates),
        name,
      )
    : [];
}

/** Templates are compiled when the first text may match them. */
function compiledFor(
  compiled: Map<string, readonly Entry[]>,
  key: string,
  templates: () => readonly Template[],
): readonly Entry[] {
  let entries = compiled.get(key);
  if (!entries) {
    entries = templates().flatMap(({ tool, template }) => compile(tool, template));
    compiled.set(key, entries);
  }
  return entries;
}

/** Hosts and repositories are the same in any case. */
function lowerKey(address: string, key: string): string {
  return address.slice(0, key.length).toLowerCase() + address.slice(key.length);
}

function indexNames(): Map<string, Template[]> {
  const names = new Map<string, Template[]>();
  for (const tool of downloadTools) {
    const files = tool.named === false ? [] : [...list(tool.files), ...list(tool.urls)];
    const paths = [...list(tool.names), ...files].flatMap(expandAlternatives);
    for (const name of new Set(paths.map((path) => path.replace(/^.*\//, '')))) {
      const start = /^[A-Za-z][\w.+-]/.exec(name)?.[0];
      if (start === undefined || !name.includes('{arch') || name.includes('?')) continue;
      const known = names.get(start) ?? [];
      known.push({ tool, template: name });
      names.set(start, known);
    }
  }
  return names;
}

/** A template has one pattern for each of its alternatives and each name of amd64. */
function compile(tool: DownloadTool, template: string): Entry[] {
  const rows = rowsOf(tool);
  const readings = expandAlternatives(template)
    // A variable may bring the `v` with it.
    .flatMap((reading) =>
      reading.includes('v{v}') ? [reading, reading.replaceAll('v{v}', '{$}')] : [reading],
    )
    .map((reading) => reading.split('?', 2));
  return [...new Set(rows.map((row) => row.names[0] ?? ''))].flatMap((amd64) => {
    const names = amd64.split(',').map((name) => (name === '~' ? '' : name));
    return readings.map(([path = '', query]) => ({
      tool,
      pattern: compilePattern(path, names),
      query: query === undefined ? undefined : compilePattern(query, names),
      rows: rows.filter((row) => row.names[0] === amd64),
    }));
  });
}

function match(entries: readonly Entry[], text: string): Found[] {
  const cut = text.search(/[?#]/);
  const path = cut < 0 ? text : text.slice(0, cut);
  const found: Found[] = [];
  for (const { tool, pattern, query, rows } of entries) {
    const matched = matchPattern(pattern, path);
    if (!matched) continue;
    const versions = [...matched.versions];
    let slots = matched.slots;
    if (query) {
      const parameter = queryParameter(text, cut, query);
      if (!parameter) continue;
      slots = [...slots, ...parameter];
    }
    if (slots.length === 0) continue;
    const version = versions.findLast((text) => !text.includes('$')) ?? versions.at(-1) ?? releaseTag(path);
    const weight = [pattern, query].flatMap((one) => one?.literals ?? []).join('').length;
    found.push({ tool, slots, version, weight, rows });
  }
  const most = Math.max(...found.map(({ weight }) => weight));
  return found.filter(({ weight }) => weight === most);
}

/** The slots of the one parameter that a pattern describes, wherever it stands in the query. */
function queryParameter(text: string, cut: number, query: Pattern): Slot[] | undefined {
  if (cut < 0 || text[cut] !== '?') return undefined;
  const fragment = text.indexOf('#', cut);
  let at = cut + 1;
  for (const parameter of text.slice(at, fragment < 0 ? undefined : fragment).split('&')) {
    const matched = matchPattern(query, parameter);
    if (matched) {
      const offset = at;
      return matched.slots.map(({ slot, start, end }) => ({
        slot,
        start: start + offset,
        end: end + offset,
      }));
    }
    at += parameter.length + 1;
  }
  return undefined;
}

/** The version that a release's tag holds: `1.6` of `jq-1.6`. */
function releaseTag(path: string): string | undefined {
  if (path.includes('/releases/latest/download/')) return 'latest';
  const tag = /\/releases\/download\/([^/]+)\//.exec(path)?.[1];
  if (tag === undefined || tag.includes('$')) return tag;
  return /\d.*$/.exec(tag)?.[0] ?? tag;
}
