import type { PackageManager } from '../knowledge/install-options.ts';

/** A part of a package's operand. */
export interface SpecPart {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** A package as an operand names it. */
export interface PackageSpec {
  /** All of it, as it is written. */
  readonly text: string;
  readonly start: number;
  readonly end: number;
  /** Without version, architecture and extras; of Python packages in the index's spelling: `opencv-python`. */
  readonly name: string;
  /** What is asked of the version, with its operator: `=1.2-3`, `>=2`, `@1.0.0`. */
  readonly version: SpecPart | undefined;
  /** What the operand says about the architecture, with its mark: `:i386`, `.x86_64`. */
  readonly architecture: SpecPart | undefined;
}

/** Name, architecture and version of an operand; files, addresses and what is to be removed do not match. */
const patterns: Readonly<Record<PackageManager, RegExp>> = {
  apt: /^(?<name>[a-zA-Z0-9][\w.+*?-]*?)(?<arch>:[a-z0-9-]+)?(?<version>[=/]\S+)?$/,
  apk: /^(?<name>[a-zA-Z0-9][\w.+-]*?)(?<version>[=<>~@].*)?$/,
  rpm: /^(?<name>[a-zA-Z0-9][\w.+*-]*?)(?<arch>\.(?:x86_64|i[3456]86|noarch|aarch64|armv7hl|ppc64le|s390x|x86_64_v2))?(?<version>[=<>].*)?$/,
  pip: /^(?<name>[a-zA-Z0-9](?:[\w.-]*[a-zA-Z0-9])?)(?:\[[^\]]*\])?(?<version>[=<>~!;].*)?$/,
  npm: /^(?<name>(?:@[\w.-]+\/)?[a-zA-Z0-9][\w.-]*)(?<version>@.*)?$/,
  gem: /^(?<name>[a-zA-Z0-9][\w.-]*)(?<version>:.*)?$/,
  conda: /^(?:[\w./-]+::)?(?<name>[a-zA-Z0-9_][\w.-]*)(?:\[[^\]]*\])?(?<version>[=<>~!].*)?$/,
  cargo: /^(?<name>[a-zA-Z0-9][\w-]*)(?<version>@.*)?$/,
  go: /^(?<name>[\w.-]+(?:\/[\w.~-]+)+)(?<version>@.*)?$/,
};

/**
 * Takes an operand of a package manager apart; `undefined` for a file, an address, or a package that is to go.
 *
 * @param at where the operand begins, for the offsets of the result
 */
export function readPackageSpec(manager: PackageManager, text: string, at = 0): PackageSpec | undefined {
  if (manager === 'apt' && text.endsWith('-')) return undefined;
  if (/\.(?:deb|rpm|apk|whl|tgz|gem|tar\.gz|zip)$/.test(text) || text.includes('://')) return undefined;
  const match = patterns[manager].exec(text);
  const name = match?.groups?.name;
  if (!match || name === undefined) return undefined;
  const { arch, version } = match.groups as Record<string, string | undefined>;
  const nameStart = text.indexOf(name);
  const nameEnd = nameStart + name.length;
  const part = (piece: string | undefined, from: number): SpecPart | undefined => {
    if (!piece) return undefined;
    const start = text.indexOf(piece, from);
    return { text: piece, start: at + start, end: at + start + piece.length };
  };
  return {
    text,
    start: at,
    end: at + text.length,
    name: manager === 'pip' ? name.toLowerCase().replace(/[-_.]+/g, '-') : name,
    version: part(version, nameEnd),
    architecture: part(arch, nameEnd),
  };
}
