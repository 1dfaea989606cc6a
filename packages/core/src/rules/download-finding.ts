import { formatPlatformList, type Platform } from '@mabuild/oci';
import { type ArchPlace, instructionOf, variationOf } from '../analysis/arch-places.ts';
import { checksumName } from '../analysis/download-checksums.ts';
import type { Dockerfile } from '../dockerfile/model.ts';
import { platformKey, type Variation } from '../fixes/variation.ts';
import { armPlatforms, knownPlatforms, placesFor, spanRange } from './code-finding.ts';
import type { Finding, RuleContext } from './rule.ts';

/** The rules about the address of a download, by where the address or the part of it that names x86 is written. */
export type UrlRule =
  | 'known-asset-x86-url'
  | 'x86-url-in-env-arg'
  | 'arch-constant-in-env'
  | 'bare-name-x86-asset'
  | 'x86-package-file';

/** Which of the rules a place belongs to. */
function urlRuleOf(place: ArchPlace): UrlRule {
  const { asset, url } = place.download;
  const { keyword, argumentsRange } = instructionOf(place);
  if (keyword === 'ENV' || keyword === 'ARG') {
    const constant = place.site?.pieces[0];
    const text = place.word.mapped;
    const inUrl = place.word.role === 'env' || place.word.role === 'arg' ? text.text.includes('://') : false;
    return inUrl || (constant && argumentsRange.start > constant.start)
      ? 'x86-url-in-env-arg'
      : 'arch-constant-in-env';
  }
  if (place.start === place.end) return 'bare-name-x86-asset';
  if (!asset && /\.(?:deb|rpm)(?:$|[?#])/.test(url)) return 'x86-package-file';
  return 'known-asset-x86-url';
}

/** The findings of one of the rules: one for each download and instruction. */
export async function urlFindings(
  rule: UrlRule,
  dockerfile: Dockerfile,
  context: RuleContext,
): Promise<readonly Finding[]> {
  const places = (await placesFor(dockerfile, context)).filter(({ word }) => !word.buildPlatform);
  const groups = new Map<string, ArchPlace[]>();
  for (const place of places) {
    if (place.kind !== 'url' || urlRuleOf(place) !== rule) continue;
    if (isWheelOfPip(place)) continue;
    const key = `${instructionOf(place).range.start} ${place.download.url}`;
    groups.set(key, [...(groups.get(key) ?? []), place]);
  }
  return [...groups.values()].flatMap((group) => groupFinding(rule, group, places, context));
}

/** The rule x86-wheel-url says more of what pip is given. */
function isWheelOfPip({ download, word }: ArchPlace): boolean {
  return (
    !download.asset && /\.whl(?:$|[?#])/.test(download.url) && /^pip[\d.]*$/.test(word.command?.name ?? '')
  );
}

function groupFinding(
  rule: UrlRule,
  group: readonly ArchPlace[],
  places: readonly ArchPlace[],
  context: RuleContext,
): readonly Finding[] {
  const [first] = group as [ArchPlace, ...ArchPlace[]];
  const { asset, url } = first.download;
  const absent = new Set(asset?.absent.map(({ platform }) => platform));
  const platforms = armPlatforms(context).filter((platform) => !absent.has(platformKey(platform)));
  if (platforms.length === 0) return [];
  const { known, unknown } = knownPlatforms(platforms, commonTexts(group));
  const variations = group.flatMap((place) => variationOf(place, 'arch') ?? []);
  const written = variations.length === group.length && known.length > 0;
  const sums = written ? checksumVariations(first, places) : [];
  return [
    {
      rule,
      severity: 'error',
      platforms,
      message: asset
        ? `the download of ${asset.tool} is for x86: ${shortened(url)}`
        : `an address names x86: ${shortened(url)}`,
      hint: hintOf({ written, known, unknown, sums, asset: asset !== undefined }),
      range: spanRange(first.word, first),
      fix: written ? 'auto' : 'none',
      edits: [],
      ...(written ? { variations: [...variations, ...sums] } : {}),
    },
  ];
}

/** Platforms for which every place of a download has a text. */
function commonTexts(group: readonly ArchPlace[]): Readonly<Record<string, string>> {
  const [first, ...others] = group;
  const entries = Object.entries(first?.texts ?? {});
  return Object.fromEntries(
    entries.filter(([key]) => others.every(({ texts }) => Object.hasOwn(texts, key))),
  );
}

/** The checksums of a download go with its address: without a value for the platform the check must fail. */
function checksumVariations(first: ArchPlace, places: readonly ArchPlace[]): readonly Variation[] {
  return (
    places
      // A variable that holds the address and the command that reads it are two places of one download.
      .filter(({ kind, download }) => kind === 'checksum' && download.url === first.download.url)
      .flatMap(
        (place) =>
          variationOf(place, checksumName(place.word.mapped.text.slice(place.start, place.end))) ?? [],
      )
  );
}

function hintOf(facts: {
  readonly written: boolean;
  readonly known: readonly Platform[];
  readonly unknown: readonly Platform[];
  readonly sums: readonly Variation[];
  readonly asset: boolean;
}): string {
  const { written, known, unknown, sums, asset } = facts;
  if (!written) {
    return asset && known.length > 0
      ? 'the name is put together from several parts: write it in one piece, or choose it with a case on TARGETARCH'
      : `find out what it is called for ${formatPlatformList(unknown)}, and choose it with a case on TARGETARCH`;
  }
  const refused =
    unknown.length > 0 ? `; what it is called for ${formatPlatformList(unknown)} is not known` : '';
  const checksum = sums.length > 0 ? '; the checksum of each file has to be filled in' : '';
  return `mabuild knows its name for ${formatPlatformList(known)}${refused}${checksum}`;
}

/** A long address by its end. */
export function shortened(url: string): string {
  return url.length <= 80 ? url : `…${url.slice(-79)}`;
}
