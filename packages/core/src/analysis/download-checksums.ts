import type { CodeReading, CodeWord } from './code-words.ts';
import { type Download, namesAddress } from './downloads.ts';

/** A checksum literal of a download that differs between platforms. */
export interface DownloadChecksum {
  readonly word: CodeWord;
  readonly start: number;
  readonly end: number;
  readonly download: Download;
  readonly texts: Readonly<Record<string, string>>;
}

const hash = /(?<![0-9A-Za-z])(?:[0-9a-f]{128}|[0-9a-f]{64}|[0-9a-f]{40}|[0-9a-f]{32})(?![0-9A-Za-z])/gi;
/** A script without one has neither a checksum nor a download before it. */
const hashOrAddress = new RegExp(`${namesAddress.source}|[0-9a-f]{32}`, 'i');
/** Commands whose hexadecimal words are keys or commits. */
const otherHashes: ReadonlySet<string> = new Set(['gpg', 'gpg2', 'apt-key', 'git', 'hg', 'rpm', 'gpgv']);

/** The kinds of checksums by their number of hexadecimal digits. */
export function checksumName(digits: string): 'md5' | 'sha1' | 'sha256' | 'sha512' {
  const names = { 32: 'md5', 40: 'sha1', 64: 'sha256', 128: 'sha512' } as const;
  return names[digits.length as keyof typeof names] ?? 'sha256';
}

/** Finds the checksums that belong to downloads whose address names x86. */
export function checksumsOf(
  reading: CodeReading,
  downloads: readonly Download[],
): readonly DownloadChecksum[] {
  const found: DownloadChecksum[] = [];
  if (!downloads.some(({ spans }) => spans.length > 0)) return found;
  const byInstruction = new Map<unknown, Download[]>();
  const words = reading.wordsAbout(hashOrAddress);
  const order = new Map(words.map((word, index) => [word, index]));
  for (const download of downloads) {
    const { instruction, role } = download.word;
    if (role === 'env' || role === 'arg') continue;
    byInstruction.set(instruction, [...(byInstruction.get(instruction) ?? []), download]);
  }
  for (const [index, word] of words.entries()) {
    const nearby = byInstruction.get(word.instruction) ?? namedFiles(word, downloads);
    const maySum = word.script !== undefined || word.name === 'checksum';
    if (nearby.length === 0 || word.guarded || !maySum || otherHashes.has(word.command?.name ?? '')) continue;
    const { text } = word.mapped;
    if (text.length < 32) continue;
    for (const match of text.matchAll(hash)) {
      if (nearby.some(({ word: other, url }) => other === word && url.includes(match[0]))) continue;
      const download = ownerOf(index, order, nearby);
      if (download && download.spans.length > 0)
        found.push({ word, start: match.index, end: match.index + match[0].length, download, texts: {} });
    }
  }
  return found;
}

/** What other instructions of the stage fetched under a name that stands beside the checksum. */
function namedFiles(
  { stage, mapped, script }: CodeWord,
  downloads: readonly Download[],
): readonly Download[] {
  if (script === undefined || !/[0-9a-f]{32}/i.test(mapped.text)) return [];
  const names = new Set(mapped.text.split(/[\s"'*]+/));
  return downloads.filter(({ word, url }) => {
    if (word.stage !== stage || (word.role !== 'source' && word.role !== 'argument')) return false;
    const name = url.slice(url.lastIndexOf('/') + 1);
    if (word.instruction.keyword !== 'ADD') return names.has(name);
    const target = word.instruction.args.at(-1) ?? '';
    const path = target.endsWith('/') ? target + name : target;
    return names.has(path) || names.has(path.slice(path.lastIndexOf('/') + 1));
  });
}

/** The download in front of a checksum, else the one behind it. */
function ownerOf(
  index: number,
  order: ReadonlyMap<CodeWord, number>,
  nearby: readonly Download[],
): Download | undefined {
  const before = nearby.filter(({ word }) => (order.get(word) ?? 0) <= index);
  return before.at(-1) ?? nearby[0];
}
