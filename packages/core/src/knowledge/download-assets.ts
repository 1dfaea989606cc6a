import type { ChecksumTemplate, Fallback } from './download-assets/tool.ts';
import { type Found, findPatterns, findPatternsByName } from './download-assets-catalogue.ts';
import type { Slot } from './download-assets-template.ts';
import { inRange, versionNumbers } from './download-assets-versions.ts';

/** What is known about the download that an address or a file name stands for. */
export interface AssetMatch {
  readonly tool: string;
  /**
   * The spans of the given text that name the architecture, with each platform's text (`linux/arm64`, `linux/arm/v7`,
   * `linux/arm/v6`); a platform that has no asset, or that nobody verified, is missing. A span is empty when the name
   * gains a text: `tini` becomes `tini-arm64`.
   */
  readonly spans: readonly AssetSpan[];
  /** As the text has it; `undefined` when the text names none or holds a variable in its place. */
  readonly version: string | undefined;
  /** Platforms that certainly have no asset, and what to do instead. */
  readonly absent: readonly AbsentAsset[];
  /** Platforms of which nobody verified what the asset is called or whether there is one. */
  readonly unverified: readonly string[];
  /** Names inside the archive that carry the architecture in another form than the file name: amd64's text, the others'. */
  readonly innerNames?: readonly AssetName[];
  /** Where upstream publishes checksums of this release. */
  readonly checksums?: AssetChecksums;
}

export interface AssetSpan {
  readonly start: number;
  readonly end: number;
  readonly texts: Readonly<Record<string, string>>;
}

export interface AssetName {
  readonly text: string;
  readonly texts: Readonly<Record<string, string>>;
}

export interface AbsentAsset {
  readonly platform: string;
  readonly reason: string;
  readonly fallback?: Fallback;
}

/** `sums`: lines of hashes and file names; `single`: one hash, of this asset. */
export interface AssetChecksums {
  readonly algorithm: ChecksumTemplate['algorithm'];
  /** For linux/amd64. */
  readonly url: string;
  readonly format: ChecksumTemplate['format'];
  /** For the other platforms that have the asset; with `sums` usually the same. */
  readonly urls: Readonly<Record<string, string>>;
}

const platforms: readonly string[] = ['linux/amd64', 'linux/arm64', 'linux/arm/v7', 'linux/arm/v6'];

/** Files that stand beside an asset and follow its name. */
const companion =
  /\.(?:sha(?:1|256|512)(?:sums?)?|md5(?:sum)?|asc|sig|sign|minisig|gpg|pem|crt|sbom|digests?|DIGEST)$/;

/**
 * Finds out which well-known download an address is, and what it is called on ARM.
 *
 * An address with the names of amd64 is known, or its checksum or signature; anything else is not.
 * @param url expanded; a variable whose value is not known stands as `${NAME}`
 */
export function matchAsset(url: string): AssetMatch | undefined {
  const body = /^(?:https?|ftp):\/\/(?:[^/@]*@)?/.exec(url)?.[0].length;
  if (body !== undefined) {
    const found = strip(url, body, findPatterns);
    if (found) return describe(found, url);
  }
  // The host is a variable: the file's name must tell.
  return /^(?:https?:\/\/)?\$\{?\w/.test(url) ? matchAssetName(url) : undefined;
}

/** Like {@link matchAsset}, for a file name alone or at the end of a path, when the name is unmistakable. */
export function matchAssetName(name: string): AssetMatch | undefined {
  const query = name.search(/[?#]/);
  const end = query < 0 ? name.length : query;
  const found = strip(name.slice(0, end), name.lastIndexOf('/', end - 1) + 1, findPatternsByName);
  return found && describe(found, undefined);
}

interface Located {
  readonly found: readonly Found[];
  /** Where the matched text starts. */
  readonly offset: number;
  /** The companion's suffix. */
  readonly suffix: string;
}

/** Looks a text up as it is, then without a companion's suffix or two. */
function strip(text: string, offset: number, find: (text: string) => readonly Found[]): Located | undefined {
  let rest = text.slice(offset);
  for (let suffix = ''; suffix.length < 24; ) {
    const found = find(rest);
    if (found.length > 0) return { found, offset, suffix };
    const more = companion.exec(rest.slice(-12))?.[0];
    if (more === undefined) return undefined;
    rest = rest.slice(0, -more.length);
    suffix = more + suffix;
  }
  return undefined;
}

function describe({ found, offset, suffix }: Located, url: string | undefined): AssetMatch | undefined {
  const first = found[0];
  if (!first) return undefined;
  const described = found.map((one) => read(one));
  const own = described[0] as Reading;
  // A name that two tools use differently says nothing.
  if (described.some((other) => other.key !== own.key)) return undefined;
  const { tool, slots, version } = first;
  const spans = slots.map(({ slot, start, end }) => ({
    start: start + offset,
    end: end + offset,
    texts: textsOf(own.names, slot),
  }));
  const checksums = url === undefined ? undefined : checksumsOf(first, own.names, url, offset, suffix);
  const innerNames = innerNamesOf(first, own.names);
  return {
    tool: tool.tool,
    spans,
    version: version === undefined || version.includes('$') ? undefined : version,
    absent: platforms
      .filter((_, i) => own.names[i] === '-')
      .map((platform) => ({
        platform,
        reason: tool.reason ?? `${tool.tool} publishes no build for ${platform}`,
        ...(tool.fallback && { fallback: tool.fallback }),
      })),
    unverified: platforms.filter((_, i) => i > 0 && own.names[i] === '?'),
    ...(innerNames.length > 0 && { innerNames }),
    ...(checksums && { checksums }),
  };
}

interface Reading {
  /** The names of {@link platforms}. */
  readonly names: readonly string[];
  readonly key: string;
}

/** The names that hold for the version. */
function read({ rows, slots, version }: Found): Reading {
  const numbers = version === undefined ? undefined : versionNumbers(version);
  const holding = rows.filter(({ range }) => range === '' || !numbers || inRange(numbers, range));
  const names = platforms.map((_, i) => agreed(holding.map((row) => row.names[i] ?? '?')));
  return { names, key: JSON.stringify([names, slots.map(({ start, end }) => [start, end])]) };
}

/**
 * What a column says for every version that it can be, the oldest first. Where the newest has an asset that older ones
 * lacked, the version is taken for one that has it: nothing is downloaded when it is not.
 */
function agreed(names: readonly string[]): string {
  const newest = names.at(-1) ?? '?';
  const same = names.every((name) => name === newest);
  const gained = isText(newest) && names.every((name) => name === newest || !isText(name));
  return same || gained ? newest : '?';
}

function isText(name: string): boolean {
  return name !== '-' && name !== '?';
}

/** One slot's text on each ARM platform that has the asset. */
function textsOf(names: readonly string[], slot: number): Readonly<Record<string, string>> {
  const texts: Record<string, string> = {};
  for (const [i, platform] of platforms.entries()) {
    const name = names[i];
    if (i > 0 && name !== undefined && name !== '-' && name !== '?') texts[platform] = slotText(name, slot);
  }
  return texts;
}

/** The text of `{arch}` (0) or `{arch2}` (1) in a column of names. */
function slotText(name: string, slot: number): string {
  const text = name.split(',')[slot] ?? '';
  return text === '~' ? '' : text;
}

function innerNamesOf({ tool, version = '' }: Found, names: readonly string[]): AssetName[] {
  const inner = typeof tool.inner === 'string' ? [tool.inner] : (tool.inner ?? []);
  const words = tool.innerArch?.split(' ') ?? names;
  const fill = (template: string, name: string): string =>
    template
      .replaceAll('{v}', () => version)
      .replaceAll('{arch}', () => slotText(name, 0))
      .replaceAll('{arch2}', () => slotText(name, 1));
  return inner.map((template) => {
    const texts: Record<string, string> = {};
    for (const [i, platform] of platforms.entries()) {
      const known = i > 0 && names[i] !== '-' && names[i] !== '?';
      const word = words[i] ?? '?';
      if (known && word !== '-' && word !== '?') texts[platform] = fill(template, word);
    }
    return { text: fill(template, words[0] ?? ''), texts };
  });
}

function checksumsOf(
  { tool, slots, version = '' }: Found,
  names: readonly string[],
  url: string,
  offset: number,
  suffix: string,
): AssetChecksums | undefined {
  const { checksums } = tool;
  if (!checksums || url.includes('$')) return undefined;
  const asset = url.slice(0, url.length - suffix.length);
  const on = (name: string): string => {
    const own = replaceSlots(asset, slots, name, offset);
    return checksums.url
      .replaceAll('{url}', () => own)
      .replaceAll('{base}', () => own.slice(0, own.lastIndexOf('/')))
      .replaceAll('{v}', () => version.replace(/^v/, ''))
      .replaceAll('{name}', () => /[^/_]*(?=_[^/]*$)/.exec(own)?.[0] ?? '');
  };
  const urls: Record<string, string> = {};
  for (const platform of Object.keys(textsOf(names, 0))) {
    urls[platform] = on(names[platforms.indexOf(platform)] ?? '');
  }
  return { algorithm: checksums.algorithm, format: checksums.format, url: on(names[0] ?? ''), urls };
}

function replaceSlots(text: string, slots: readonly Slot[], name: string, offset: number): string {
  let result = text;
  for (const { slot, start, end } of [...slots].reverse()) {
    result = result.slice(0, start + offset) + slotText(name, slot) + result.slice(end + offset);
  }
  return result;
}
