import type { Platform } from '@mabuild/oci';
import { formatPlatform, normalizePlatform } from '@mabuild/oci';
import type { Instruction, Range, Stage } from '../dockerfile/model.ts';

/** How the text around a span is read, which decides how a variable can be written there. */
export type Quoting = 'none' | 'double' | 'single' | 'json' | 'literal';

/** A span of one instruction that is written in one place. */
export interface Site {
  /** `undefined` for an ARG above the first FROM. */
  readonly stage: Stage | undefined;
  readonly instruction: Instruction;
  /** The source spans, in order: more than one when a continuation splits the text. */
  readonly pieces: readonly Range[];
  /**
   * `none`, `double`, `single`: shell quotes or those of ENV and its kin; `json`: a string of an exec form;
   * `literal`: a text that expands nothing, such as the body of `<<'EOF'` that is no script.
   */
  readonly quoting: Quoting;
  /** A shell reads the text: RUN in shell form and heredocs that are scripts; otherwise BuildKit alone expands it. */
  readonly shell: boolean;
}

/** A span of the file whose text must differ between platforms. */
export interface Variation {
  readonly site: Site;
  /** What stands there now, which is amd64's text. */
  readonly text: string;
  /** The texts of the other platforms by {@link platformKey}; empty text drops the word; a platform that is missing is not known: fail closed. */
  readonly texts: Readonly<Record<string, string>>;
  /** What the text is, as the stem of a shell variable: `arch`, `sha256`, `package`. */
  readonly name: string;
  /** A shell text that says the same without a `case`, e.g. `$(dpkg --print-architecture)`, and the automatic ARGs it reads. */
  readonly shell?: { readonly text: string; readonly args: readonly string[] };
}

/** The key of {@link Variation.texts}: `linux/arm64`, `linux/arm/v7`, `linux/arm/v6`. */
export function platformKey(platform: Platform): string {
  return formatPlatform(normalizePlatform(platform));
}

const checksums: ReadonlySet<string> = new Set(['md5', 'sha1', 'sha256', 'sha512', 'checksum']);

/** Tells whether a variation verifies what another one fetches: it is never dropped, and fails where it is not known. */
export function isChecksum({ name }: Variation): boolean {
  return checksums.has(name);
}
