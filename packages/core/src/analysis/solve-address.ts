import { type AssetMatch, matchAsset } from '../knowledge/download-assets.ts';

/** What an address with variables has to be on another platform, as far as a well-known download tells. */
export interface SolvedAddress {
  readonly asset: AssetMatch;
  /** The whole address. */
  readonly url: string;
  /** What each variable has to be; `undefined` when no values give that address. */
  readonly values: Readonly<Record<string, string>> | undefined;
}

/**
 * Reads an address in which variables stand as `${NAME}`.
 *
 * @param amd64 the values of the variables on amd64
 * @param key a platformKey
 * @returns `undefined` when no table knows the download or its name on the platform
 */
export function solveAddress(
  template: string,
  amd64: Readonly<Record<string, string>>,
  key: string,
): SolvedAddress | undefined {
  const names = Object.keys(amd64);
  const parts = template.split(new RegExp(`(\\$\\{(?:${names.join('|')})\\})`));
  const nameAt = (part: string): string | undefined => names.find((name) => part === `\${${name}}`);
  const x64 = parts.map((part) => amd64[nameAt(part) ?? ''] ?? part).join('');
  const asset = matchAsset(x64);
  if (!asset || asset.spans.some((span) => span.texts[key] === undefined)) return undefined;
  let url = x64;
  for (const { start, end, texts } of [...asset.spans].reverse())
    url = url.slice(0, start) + texts[key] + url.slice(end);
  const seen = new Set<string>();
  const expression = parts
    .map((part) => {
      const name = nameAt(part);
      if (name === undefined) return part.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
      if (seen.has(name)) return `\\k<${name}>`;
      seen.add(name);
      return `(?<${name}>[\\w.-]+?)`;
    })
    .join('');
  const values = new RegExp(`^${expression}$`).exec(url)?.groups;
  return { asset, url, values };
}

/** What is known about the download that an address is on amd64. */
export function assetOf(template: string, amd64: Readonly<Record<string, string>>): AssetMatch | undefined {
  return matchAsset(template.replace(/\$\{(\w+)\}/g, (whole, name: string) => amd64[name] ?? whole));
}

/** Addresses in a text; variables stand as `${NAME}`. */
export const addressPattern: RegExp = /(?:https?|ftp):\/\/[^\s"'<>|;()\\`]+/g;
