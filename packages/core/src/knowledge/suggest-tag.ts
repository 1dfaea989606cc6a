import type { Platform } from '@mabuild/oci';
import { compareVersions } from './compare-versions.ts';
import { officialTagsWith } from './official-images.ts';

/** Names of distribution releases in tags: one may stand for another. */
const suite =
  /^(?:sid|forky|trixie|bookworm|bullseye|buster|stretch|jessie|wheezy|resolute|noble|jammy|focal|bionic|xenial|trusty)$/;
const newestFirst =
  'resolute noble jammy focal bionic xenial trusty trixie bookworm bullseye buster stretch jessie'.split(' ');

interface Tag {
  readonly name: string;
  readonly version: readonly number[];
  readonly words: readonly string[];
}

/**
 * Names a tag of the same official image that has the platform: the same version first, then the next lower one.
 *
 * `node:22-trixie` for linux/arm/v7 gives `22-bookworm`, `node:24` gives `22`; `undefined` when no tag has it.
 */
export function suggestTag(repository: string, tag: string, platform: Platform): string | undefined {
  const known = suggested.get(platform) ?? new Map<string, string | undefined>();
  suggested.set(platform, known);
  const name = `${repository}:${tag}`;
  if (!known.has(name)) known.set(name, bestTag(repository, tag, platform));
  return known.get(name);
}

/** Many files stand on the same images. */
const suggested = new WeakMap<Platform, Map<string, string | undefined>>();

function bestTag(repository: string, tag: string, platform: Platform): string | undefined {
  const wanted = readTag(tag);
  const candidates = officialTagsWith(repository, platform).map(readTag).filter(isStable);
  const versioned = candidates.filter((candidate) => fits(candidate, wanted));
  const pool =
    versioned.length > 0 ? versioned : candidates.filter((candidate) => candidate.version.length === 0);
  return pool.sort((a, b) => compare(a, b, wanted))[0]?.name;
}

function readTag(name: string): Tag {
  const version = /^v?(\d+(?:\.\d+)*)/.exec(name);
  const rest = version ? name.slice(version[0].length) : name === 'latest' ? '' : name;
  return {
    name,
    version: version?.[1]?.split('.').map(Number) ?? [],
    words: rest.split('-').filter((word) => word !== ''),
  };
}

function isStable(tag: Tag): boolean {
  return !/(?:^|[-.\d])(?:rc|alpha|beta|ea|dev|unstable|devel|nightly)(?:[-.\d]|$)/.test(tag.name);
}

function fits(candidate: Tag, wanted: Tag): boolean {
  if (candidate.version.length === 0) return false;
  if (wanted.version.length === 0) return true;
  return sameVersion(candidate, wanted) || versionOrder(candidate.version, wanted.version) < 0;
}

/** `22` stands for `22.3.1` and the other way round. */
function sameVersion(a: Tag, b: Tag): boolean {
  const length = Math.min(a.version.length, b.version.length);
  return length > 0 && versionOrder(a.version.slice(0, length), b.version.slice(0, length)) === 0;
}

/** Best first. */
function compare(a: Tag, b: Tag, wanted: Tag): number {
  const same = Number(sameVersion(b, wanted)) - Number(sameVersion(a, wanted));
  if (same !== 0) return same;
  const length = Math.max(1, Math.min(wanted.version.length, a.version.length, b.version.length));
  const newer = versionOrder(b.version.slice(0, length), a.version.slice(0, length));
  if (newer !== 0) return newer;
  return (
    distance(a, wanted) - distance(b, wanted) ||
    suiteAge(a) - suiteAge(b) ||
    Math.abs(a.version.length - wanted.version.length) - Math.abs(b.version.length - wanted.version.length) ||
    a.name.length - b.name.length ||
    versionOrder(b.version, a.version) ||
    (a.name < b.name ? -1 : 1)
  );
}

/** How far two tags' words are apart; another release of the distribution is near, another flavour far. */
function distance(candidate: Tag, wanted: Tag): number {
  const [has, wants] = [candidate, wanted].map((tag) => new Set(tag.words.map(kind))) as [
    Set<string>,
    Set<string>,
  ];
  const missing = [...wants].filter((word) => !has.has(word)).length;
  const extra = [...has].filter((word) => !wants.has(word)).length;
  const exact = candidate.words.filter((word) => !wanted.words.includes(word)).length;
  return missing * 20 + extra * 20 + exact;
}

function kind(word: string): string {
  if (suite.test(word)) return 'suite';
  return word.replace(/[\d.]+$/, '');
}

function suiteAge(tag: Tag): number {
  const ages = tag.words.map((word) => newestFirst.indexOf(word)).filter((age) => age >= 0);
  return ages[0] ?? 0;
}

/** A tag with fewer numbers stands for the older version: it is the one that moves on. */
function versionOrder(a: readonly number[], b: readonly number[]): number {
  return compareVersions(a, b, -1);
}
