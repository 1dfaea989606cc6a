import { Attached } from '../attached.ts';
import { type ArchToken, archTokens } from '../knowledge/architecture-names.ts';
import { type AssetMatch, matchAsset } from '../knowledge/download-assets.ts';
import type { CodeReading, CodeWord } from './code-words.ts';

/** A span of a download's address that names x86. */
export interface DownloadSpan {
  /** In the text of the word. */
  readonly start: number;
  readonly end: number;
  /** What other platforms have there; empty when nobody knows. */
  readonly texts: Readonly<Record<string, string>>;
}

/** An address that a Dockerfile fetches, and what it says of the architecture. */
export interface Download {
  readonly word: CodeWord;
  /** The address, expanded. */
  readonly url: string;
  /** Where it starts in the text of the word. */
  readonly start: number;
  readonly asset: AssetMatch | undefined;
  /** Empty for a download that is the same for every platform. */
  readonly spans: readonly DownloadSpan[];
}

const address = /\b(?:https?|ftp):\/\/[^\s"'<>|;()\\`]+|\$\{\w+\}\/[^\s"'<>|;()\\`]+/g;
/** What a script has that names an address, whole or behind a variable; a pattern of sed may escape the slashes. */
export const namesAddress: RegExp = /:\\*\/\\*\/|\$\{?\w+[^\s/]*\//;
/** Commands that show or change text instead of fetching it. */
const textCommands: ReadonlySet<string> = new Set(['echo', 'printf', 'sed', 'grep', 'awk', 'egrep']);
/** Indexes of repositories: they are read for a version, whichever architecture they list. */
const metadata = /\/(?:binary-\w+\/)?(?:Packages(?:\.\w+)?|InRelease|Release|repomd\.xml)(?:$|\?)/;

const known = new Attached<CodeReading, readonly Download[]>();

/** The downloads of a Dockerfile, in its order: RUN, ADD, and ENV and ARG that hold an address. */
export function findDownloads(reading: CodeReading): readonly Download[] {
  const found = known.get(reading) ?? reading.wordsAbout(namesAddress).flatMap(downloadsOf);
  known.set(reading, found);
  return found;
}

function downloadsOf(word: CodeWord): readonly Download[] {
  const { text } = word.mapped;
  if (!mayDownload(word) || !text.includes('/')) return [];
  if (word.role !== 'env' && word.role !== 'arg' && !text.includes('://') && !text.startsWith('${'))
    return [];
  const downloads: Download[] = [];
  for (const match of text.matchAll(address)) {
    const url = match[0].replace(/[.,]+$/, '');
    if (metadata.test(url) || !/[^/:]\//.test(url)) continue;
    const asset = matchAsset(url);
    const spans = asset ? asset.spans : architectureSpans(url);
    downloads.push({
      word,
      url,
      start: match.index,
      asset,
      spans: spans.map(({ start, end, texts }) => ({
        start: start + match.index,
        end: end + match.index,
        texts,
      })),
    });
  }
  return downloads;
}

function mayDownload({ role, command, guarded }: CodeWord): boolean {
  if (guarded || role === 'label' || role === 'destination' || role === 'setting' || role === 'redirect')
    return false;
  return !(role === 'argument' && textCommands.has(command?.name ?? ''));
}

/** Names of x86 in an address that no table knows; those in the host's name and of other systems' files are none. */
function architectureSpans(url: string): readonly DownloadSpan[] {
  const path = url.indexOf('/', url.indexOf('://') + 3);
  return archTokens(url)
    .filter(({ start }) => start > path)
    .filter((token) => !isAmongOthers(url, token))
    .map(({ start, end }) => ({ start, end, texts: {} }));
}

/** `arm64,amd64` or `windows-x64`: a list of architectures, or the file of another system. */
function isAmongOthers(url: string, token: ArchToken): boolean {
  const around = url.slice(Math.max(0, token.start - 12), token.end + 12);
  return /aarch64|arm64|armhf|armv7|win(?:dows|32)|darwin|macos/i.test(around);
}
