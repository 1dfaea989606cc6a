import type { Platform } from '@mabuild/oci';
import type { DownloadFacts } from '../analysis/download-facts.ts';
import type { Dockerfile, Range, TextEdit } from '../dockerfile/model.ts';
import type { Variation } from '../fixes/variation.ts';

export type Severity = 'error' | 'warning' | 'info';

/** `auto`: safe to apply; `semi`: safe under a stated condition; `suggest`: shown only; `none`: people must act. */
export type FixKind = 'auto' | 'semi' | 'suggest' | 'none';

/** Tells whether migrate makes a fix without being asked. */
export function isMadeUnasked(fix: FixKind): boolean {
  return fix === 'auto' || fix === 'semi';
}

/** Something in a Dockerfile that breaks or mis-builds on some of the asked platforms. */
export interface Finding {
  /** The rule's kebab-case name. */
  readonly rule: string;
  readonly severity: Severity;
  readonly platforms: readonly Platform[];
  readonly message: string;
  /** What to do next. */
  readonly hint?: string;
  readonly range: Range;
  readonly fix: FixKind;
  /** The fix for one file that serves every platform. A rule gives those that are the same in every style. */
  readonly edits: readonly TextEdit[];
  /** What must differ between platforms; how it is written is the style's business, not the rule's. */
  readonly variations?: readonly Variation[];
}

/** Facts that a rule may ask for: offline tables, or a registry when online. */
export interface ImageFacts {
  /** The platforms of an image, or `undefined` when nobody knows. */
  platformsOf(reference: string): Promise<readonly Platform[] | undefined>;
}

export interface RuleContext {
  /** The platforms asked for; one when a file is made for one platform alone. */
  readonly platforms: readonly Platform[];
  readonly images: ImageFacts;
  /** What publishers say; `undefined` for those who may not ask them. */
  readonly downloads?: DownloadFacts | undefined;
  readonly buildArgs: Readonly<Record<string, string>>;
  /** Rules see the scripts that their triggers pass over, too; they find no more by that. @default false */
  readonly thorough?: boolean | undefined;
}

/** What `mabuild rules ID` and docs/rules.md say about a rule; plain text, `bad` and `good` are Dockerfile lines. */
export interface RulePage {
  /** What the file of `bad` and `good` is called. @default 'Dockerfile' */
  readonly file?: string;
  /** What goes wrong on which platform, in a few sentences. */
  readonly why: string;
  /** Lines that the rule finds something in for arm64 and arm/v7; a test checks it (`FROM` is put before it if it has none). */
  readonly bad: string;
  /** The same for every platform at once; the rule is silent on it. */
  readonly good: string;
  /** The same in a file that is made for one platform alone. */
  readonly perArch?: { readonly platform: string; readonly text: string };
  /** When the rule says nothing although it looks as if it should: one sentence each. */
  readonly silent?: readonly string[];
}

/** Advice for people: one file, one idea, an accept/reject table in its test. */
export interface Rule {
  readonly name: string;
  /** One line for lists. */
  readonly summary: string;
  readonly page?: RulePage;
  /** It says nothing of a place that another rule speaks of. @default false */
  readonly yields?: boolean;
  check(dockerfile: Dockerfile, context: RuleContext): Promise<readonly Finding[]>;
}
