import { isMabuildError, MabuildError } from '@mabuild/oci';

/**
 * Ends a build that goes silent after its session is gone: what it needs of us will never come, but a step that runs
 * already may well end.
 */
export class LostSession {
  readonly #lost: AbortSignal;
  readonly #endpoint: string;
  readonly #patience: number;
  readonly #silent = new AbortController();
  readonly #watch = (): void => this.heard();
  #timer: NodeJS.Timeout | undefined;

  /** @param patience milliseconds of silence after `lost` is aborted */
  constructor(lost: AbortSignal, endpoint: string, patience: number) {
    this.#lost = lost;
    this.#endpoint = endpoint;
    this.#patience = patience;
    if (lost.aborted) this.heard();
    else lost.addEventListener('abort', this.#watch, { once: true });
  }

  /** Aborted, with the error as its reason, once it has been silent for too long. */
  get signal(): AbortSignal {
    return this.#silent.signal;
  }

  /** The build said something. */
  heard(): void {
    if (!this.#lost.aborted) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#silent.abort(sessionLost(this.#endpoint)), this.#patience);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#lost.removeEventListener('abort', this.#watch);
  }
}

/** The engine, or something on the way to it, ended the session that a build needed. */
export function sessionLost(endpoint: string, cause?: unknown): MabuildError {
  if (isMabuildError(cause) && cause.code === 'ENGINE_SESSION_LOST') return cause;
  const said = cause instanceof Error ? `: ${cause.message}` : '';
  return new MabuildError(`the engine at ${endpoint} dropped the build's session${said}`, {
    code: 'ENGINE_SESSION_LOST',
    hint: "did the engine restart, or does something on the way close connections? The engine's log may say; try again",
    cause,
  });
}
