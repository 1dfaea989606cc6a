import type { ContextFile } from '../embedded-builds.ts';

/** A Dockerfile that the embedded engine and Debian's newest Docker Engine build, and what is known of it. */
export type Row = readonly [name: string, dockerfile: string, about?: RowDetails];

/** Rows about one instruction. */
export interface Group {
  readonly title: string;
  readonly rows: readonly Row[];
}

export interface RowDetails {
  /** Instead of the usual context. */
  readonly files?: Readonly<Record<string, ContextFile>>;
  readonly buildArgs?: Readonly<Record<string, string>>;
  readonly target?: string;
  /** @default 'linux/amd64' */
  readonly platform?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** `--secret`: name to content. */
  readonly secrets?: Readonly<Record<string, string>>;
  /** Name to the image that it means. */
  readonly buildContexts?: Readonly<Record<string, string>>;
  /** Both refuse to build it: what the embedded engine says. */
  readonly refused?: RegExp;
  /**
   * That engine does not know it: what lies on the base afterwards, as `type mode uid:gid content`, by path; contents of
   * files in quotes.
   */
  readonly expected?: Readonly<Record<string, string>>;
  /** Beside `expected`: what is not there. */
  readonly absent?: readonly string[];
  readonly differs?: Difference;
}

/** A difference that is meant; `docs/embedded-engine.md` has the reasons. */
export interface Difference {
  readonly why: string;
  /** Paths whose files are not compared; `*` for all. */
  readonly files?: readonly string[] | '*';
  /** Fields of the config that are not compared; `layers` is their number. */
  readonly config?: readonly string[];
  /** `true`: the history is not compared. */
  readonly history?: true;
  /** That engine builds what is refused here. */
  readonly refusal?: true;
}
