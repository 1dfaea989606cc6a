import { nameIn, vocabulariesOf } from '../knowledge/architecture-names.ts';
import type { Download } from './downloads.ts';

/** Facts about what publishers offer, for those who may ask them. */
export interface DownloadFacts {
  /** Tells whether there is something at an address; `undefined` when nobody answered. */
  exists(url: string): Promise<boolean | undefined>;
  /** The text of a small document, e.g. a list of checksums; `undefined` when there is none. */
  read(url: string): Promise<string | undefined>;
}

/** Names that publishers use besides those of a vocabulary, the most common first. */
const usual: Readonly<Record<string, readonly string[]>> = {
  'linux/arm64': ['arm64', 'aarch64', 'arm64v8'],
  'linux/arm/v7': ['armv7', 'armhf', 'arm', 'armv7l', 'arm-v7', 'arm32v7'],
  'linux/arm/v6': ['armv6', 'armv6l', 'armel', 'arm-v6', 'arm32v6'],
};

/**
 * Asks publishers what they call a download on the platforms that no table knows it for.
 *
 * Only names under which something is really there are taken, and only when the x86 file is there too.
 * @param platforms keys such as `linux/arm/v7`
 */
export async function lookUpDownloads(
  downloads: readonly Download[],
  platforms: readonly string[],
  facts: DownloadFacts,
): Promise<readonly Download[]> {
  return Promise.all(downloads.map((download) => lookUp(download, platforms, facts)));
}

async function lookUp(
  download: Download,
  platforms: readonly string[],
  facts: DownloadFacts,
): Promise<Download> {
  const { url, start, spans, asset } = download;
  const [first] = spans;
  const absent = new Set(asset?.absent.map(({ platform }) => platform));
  const wanted = platforms.filter(
    (platform) => !absent.has(platform) && spans.some(({ texts }) => !Object.hasOwn(texts, platform)),
  );
  if (!first || wanted.length === 0 || !/^https?:\/\//.test(url) || /[$*{}]/.test(url)) return download;
  const token = url.slice(first.start - start, first.end - start);
  const alike = spans.every((span) => url.slice(span.start - start, span.end - start) === token);
  if (!alike || token === '' || (await facts.exists(url)) !== true) return download;
  const texts = new Map<string, string>();
  for (const platform of wanted) {
    for (const name of candidates(token, platform)) {
      if ((await facts.exists(withName(download, name))) !== true) continue;
      texts.set(platform, name);
      break;
    }
  }
  return {
    ...download,
    spans: spans.map((span) => ({ ...span, texts: { ...Object.fromEntries(texts), ...span.texts } })),
  };
}

/** Names of a platform in the words of those who say the token for x64, then the usual ones. */
function candidates(token: string, platform: string): readonly string[] {
  const own = vocabulariesOf(token.toLowerCase()).flatMap((vocabulary) => nameIn(vocabulary, platform) ?? []);
  return [...new Set([...own, ...(usual[platform] ?? [])])].slice(0, 8);
}

function withName({ url, start, spans }: Download, name: string): string {
  return spans.reduceRight(
    (text, span) => text.slice(0, span.start - start) + name + text.slice(span.end - start),
    url,
  );
}
