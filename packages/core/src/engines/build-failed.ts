import { formatPlatform, MabuildError, type Platform, type SourceLocation } from '@mabuild/oci';

/** What is known of a step that failed. */
export interface BuildFailure {
  readonly platform: Platform;
  /** The step as the engine names it, e.g. `RUN make`. */
  readonly step?: string | undefined;
  /** Where that step stands in the Dockerfile that the engine got. */
  readonly location?: SourceLocation | undefined;
  readonly exitCode?: number | undefined;
  /** What the engine says. */
  readonly reason: string;
  /** The last lines of the step's output. */
  readonly output?: readonly string[];
  /** What to do next, where the engine knows better than its words tell. */
  readonly hint?: string | undefined;
  readonly cause?: unknown;
}

/** How many of its last lines a failed step shows. */
export const shownOutputLines = 20;

/** A build failed in one of its steps; code `BUILD_FAILED`. */
export class BuildFailedError extends MabuildError {
  readonly platform: Platform;
  readonly step: string | undefined;
  /** What the step's program ended with; `undefined` when no program failed. */
  readonly exitCode: number | undefined;
  /** The last lines of the step's output, at most {@link shownOutputLines}. */
  readonly output: readonly string[];
  /** What went wrong, without where and without the output: `exit code 1`. */
  readonly reason: string;

  constructor(failure: BuildFailure) {
    const output = (failure.output ?? []).slice(-shownOutputLines);
    super(messageOf(failure, output), {
      code: 'BUILD_FAILED',
      hint: failure.hint ?? hintOf(failure, output),
      location: failure.location,
      cause: failure.cause,
    });
    this.platform = failure.platform;
    this.step = failure.step;
    this.exitCode = failure.exitCode;
    this.output = output;
    this.reason = reasonOf(failure);
  }
}

function messageOf(failure: BuildFailure, output: readonly string[]): string {
  const line = failure.location === undefined ? '' : ` at line ${failure.location.line}`;
  const step = failure.step === undefined ? '' : ` (${firstLine(failure.step)})`;
  const shown = output.length === 0 ? '' : `\n${output.map((text) => `  ${text}`).join('\n')}`;
  return `building ${formatPlatform(failure.platform)} failed${line}${step}: ${reasonOf(failure)}${shown}`;
}

function reasonOf({ exitCode, reason }: BuildFailure): string {
  return exitCode === undefined ? reason : `exit code ${exitCode}`;
}

function hintOf(failure: BuildFailure, output: readonly string[]): string | undefined {
  const said = `${failure.reason}\n${output.join('\n')}`;
  if (/exec format error/i.test(said))
    return `a program in this step is not for ${formatPlatform(failure.platform)}, or the engine's host cannot run that platform: see \`mabuild doctor\``;
  if (/no space left on device/i.test(said))
    return "the engine's disk is full: `docker system prune` frees space, `mabuild cache prune` that of the embedded engine";
  if (failure.exitCode === 137)
    return "the step was killed, most often for want of memory: give the engine's host more";
  return undefined;
}

function firstLine(text: string): string {
  const line = text.split('\n', 1)[0] ?? '';
  return line.length > 120 ? `${line.slice(0, 119)}…` : line;
}
