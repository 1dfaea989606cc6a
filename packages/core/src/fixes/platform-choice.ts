import { normalizePlatform, type Platform, parsePlatform } from '@mabuild/oci';
import { isChecksum, platformKey, type Variation } from './variation.ts';

/** A platform as a portable Dockerfile tells it apart. */
export interface Choice {
  /** {@link platformKey}. */
  readonly key: string;
  /** GOARCH. */
  readonly architecture: string;
  /** `$TARGETARCH$TARGETVARIANT`, e.g. `armv7`. */
  readonly label: string;
}

/** The platforms that one place chooses from, amd64 not among them, and how it asks which it is. */
export interface Choices {
  readonly choices: readonly Choice[];
  /** The asked ones. */
  readonly asked: readonly Choice[];
  /** What it reads: TARGETVARIANT only when an asked platform has one. */
  readonly args: readonly string[];
}

const amd64 = 'linux/amd64';

/** The asked platforms, and those beyond them that every variation has a text for. */
export function choicesFor(variations: readonly Variation[], platforms: readonly Platform[]): Choices {
  const asked = uniqueChoices(platforms.map((platform) => choiceOf(platform)));
  const hasVariant = asked.some(({ architecture, label }) => label !== architecture);
  const more = Object.keys(variations[0]?.texts ?? {})
    .filter((key) => variations.every(({ texts }) => Object.hasOwn(texts, key)))
    .map((key) => choiceOf(parsePlatform(key)))
    .filter(({ architecture, label }) => hasVariant || label === architecture);
  return {
    choices: uniqueChoices([...asked, ...more]),
    asked,
    args: hasVariant ? ['TARGETARCH', 'TARGETVARIANT'] : ['TARGETARCH'],
  };
}

function choiceOf(platform: Platform): Choice {
  const { architecture, variant } = normalizePlatform(platform);
  return { key: platformKey(platform), architecture, label: `${architecture}${variant ?? ''}` };
}

function uniqueChoices(choices: readonly Choice[]): readonly Choice[] {
  const seen = new Set([amd64]);
  return choices.filter(({ key }) => {
    if (seen.has(key) || key.startsWith(`${amd64}/`)) return false;
    seen.add(key);
    return true;
  });
}

/**
 * A variation's text for a platform; `undefined` when nobody knows it.
 *
 * A checksum that is not known is a text that no checksum ever is, so that the verification fails and says what to do.
 */
export function textFor(variation: Variation, { key, label }: Choice): string | undefined {
  const { name, text, texts } = variation;
  if (Object.hasOwn(texts, key)) return texts[key];
  if (!isChecksum(variation)) return undefined;
  const algorithm = /^(?:md5|sha1|sha256|sha512):/.exec(text)?.[0] ?? '';
  return `${algorithm}put-the-${name}-of-the-${label}-asset-here`;
}

/** What BuildKit itself says in place of a variation's text; `undefined` when the texts are other names. */
export function automaticText(
  { text, texts }: Variation,
  { choices, asked, args }: Choices,
): { readonly text: string; readonly args: readonly string[] } | undefined {
  const matches = (nameOf: (choice: Choice) => string): boolean =>
    asked.length > 0 &&
    asked.every(({ key }) => Object.hasOwn(texts, key)) &&
    choices.every((choice) => texts[choice.key] === undefined || texts[choice.key] === nameOf(choice));
  if (text === 'amd64') {
    if (matches(({ architecture }) => architecture)) {
      return { text: `\${TARGETARCH}`, args: ['TARGETARCH'] };
    }
    if (args.length > 1 && matches(({ label }) => label)) {
      return { text: `\${TARGETARCH}\${TARGETVARIANT}`, args };
    }
  }
  if (text === amd64 && matches(({ key }) => key)) {
    return { text: `\${TARGETPLATFORM}`, args: ['TARGETPLATFORM'] };
  }
  return undefined;
}
