/** A place in a text file. Lines and columns count from 1, columns in UTF-16 code units, ends exclusive. */
export interface SourceLocation {
  /** The file as the user named it; absent when the text came from memory. */
  readonly file?: string;
  readonly line: number;
  readonly column: number;
  readonly endLine?: number;
  readonly endColumn?: number;
  /** The text of `line`, for display under the message. */
  readonly lineText?: string;
}

/** What a {@link MabuildError} carries besides its message. */
export interface MabuildErrorOptions {
  /** Stable SCREAMING_SNAKE name of what went wrong, e.g. `BASE_PLATFORM_MISSING`. */
  readonly code: string;
  /** What to do next, one sentence, no final full stop. */
  readonly hint?: string | undefined;
  readonly location?: SourceLocation | undefined;
  readonly cause?: unknown;
}

/**
 * The one base of every error that mabuild throws on purpose.
 *
 * `message` says what was being done to what; `hint` says what to do next. Neither holds credentials or query strings.
 */
export class MabuildError extends Error {
  override readonly name: string = 'MabuildError';
  readonly code: string;
  readonly hint: string | undefined;
  readonly location: SourceLocation | undefined;

  constructor(message: string, options: MabuildErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = options.code;
    this.hint = options.hint;
    this.location = options.location;
  }
}

/** Tells whether a thrown value is a {@link MabuildError}, of any copy of this package. */
export function isMabuildError(error: unknown): error is MabuildError {
  return (
    error instanceof Error && typeof (error as Partial<MabuildError>).code === 'string' && 'hint' in error
  );
}
