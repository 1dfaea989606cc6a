import { stripVTControlCharacters } from 'node:util';
import { formatPlatform, isMabuildError, MabuildError, type SourceLocation } from '@mabuild/oci';
import { parseDockerfile } from '../../dockerfile/parse.ts';
import type { BuildEvent } from '../../events.ts';
import { BuildFailedError, shownOutputLines } from '../build-failed.ts';
import type { EngineBuild } from '../engine.ts';
import { type EngineMessage, errorOfMessage } from './messages.ts';

interface Step {
  readonly number: number;
  readonly id: string;
  readonly name: string;
  readonly startedAt: number;
  cached: boolean;
}

/** Reads what a classic build says, one message after the other, and tells it as events. */
export class ClassicFollower {
  readonly #build: EngineBuild;
  readonly #emit: (event: BuildEvent) => void;
  #step: Step | undefined;
  #imageId: string | undefined;
  /** The line that is not yet ended, per stream: output comes in arbitrary pieces. */
  readonly #open = { stdout: '', stderr: '' };
  #output: string[] = [];

  constructor(build: EngineBuild, emit: (event: BuildEvent) => void) {
    this.#build = build;
    this.#emit = emit;
  }

  /** @throws BuildFailedError for a message that says so. */
  take(message: EngineMessage): void {
    const reason = errorOfMessage(message);
    if (reason !== undefined) this.#fail(reason, message.errorDetail?.code);
    const id = (message.aux as { ID?: unknown } | undefined)?.ID;
    if (typeof id === 'string') this.#imageId = id;
    if (typeof message.stream === 'string') this.#read(message.stream);
    else if (message.status !== undefined) this.#status(message);
  }

  /** The image's id, once everything has been read. @throws MabuildError `ENGINE_ANSWER_INVALID`. */
  finish(endpoint: string): string {
    this.#flush();
    this.#end('done');
    if (this.#imageId !== undefined) return this.#imageId;
    throw new MabuildError(
      `the engine at ${endpoint} ended the build of ${formatPlatform(this.#build.platform)} without an image`,
      {
        code: 'ENGINE_ANSWER_INVALID',
        hint: 'was the engine stopped or restarted meanwhile?',
      },
    );
  }

  #read(text: string): void {
    // The builder itself writes a step's head in a message of its own; a RUN that prints the like counts wrongly.
    const head = /^(?:Step|STEP) (\d+)\/(\d+)\s?: ([\s\S]*)$/.exec(text);
    if (head !== null && Number(head[1]) === (this.#step?.number ?? 0) + 1) {
      this.#begin(Number(head[1]), (head[3] ?? '').trim());
      return;
    }
    // What a program writes to stderr comes in red.
    const stream = text.startsWith('\u001b[91m') ? 'stderr' : 'stdout';
    const lines = (this.#open[stream] + stripVTControlCharacters(text)).split('\n');
    this.#open[stream] = lines.pop() ?? '';
    for (const line of lines) this.#line(stream, line);
  }

  #line(stream: 'stdout' | 'stderr', line: string): void {
    const said = line.trim();
    if (/^-{2,3}> Using cache\b/.test(said)) {
      if (this.#step !== undefined) this.#step.cached = true;
      return;
    }
    const warning = /^(?:---> )?\[Warning\] (.*)$/.exec(said)?.[1];
    if (warning !== undefined) {
      // Printed for every step of a foreign platform, although the platform was asked for.
      if (!warning.startsWith("The requested image's platform"))
        this.#emit({
          type: 'warning',
          platform: this.#build.platform,
          code: 'ENGINE_WARNING',
          message: warning,
        });
      return;
    }
    const built = /^Successfully built ([0-9a-f]{12,64})$/.exec(said)?.[1];
    if (built !== undefined) {
      this.#imageId ??= built;
      return;
    }
    if (
      /^(-{2,3}> (Running in )?[0-9a-f]{11,64}|(-{2,3}> )?Remov(ing|ed) intermediate container [0-9a-f]+|COMMIT)$/.test(
        said,
      )
    )
      return;
    if (said === '' || this.#step === undefined) return;
    this.#output.push(line);
    if (this.#output.length > shownOutputLines) this.#output.shift();
    this.#emit({ type: 'log', platform: this.#build.platform, id: this.#step.id, stream, text: `${line}\n` });
  }

  #status({ id, status = '', progressDetail }: EngineMessage): void {
    if (this.#step === undefined) return;
    this.#emit({
      type: 'status',
      platform: this.#build.platform,
      id: this.#step.id,
      name: id === undefined ? status : `${id} ${status}`,
      current: progressDetail?.current ?? 0,
      total: progressDetail?.total ?? 0,
    });
  }

  #begin(number: number, name: string): void {
    this.#flush();
    this.#end('done');
    this.#output = [];
    this.#step = { number, id: `step-${number}`, name, startedAt: performance.now(), cached: false };
    this.#emit({ type: 'step', platform: this.#build.platform, id: this.#step.id, name, state: 'started' });
  }

  #end(state: 'done' | 'failed', error?: string): void {
    if (this.#step === undefined) return;
    const { id, name, cached, startedAt } = this.#step;
    this.#emit({
      type: 'step',
      platform: this.#build.platform,
      id,
      name,
      state: state === 'done' && cached ? 'cached' : state,
      seconds: (performance.now() - startedAt) / 1000,
      ...(error !== undefined && { error }),
    });
  }

  #flush(): void {
    for (const stream of ['stdout', 'stderr'] as const) {
      const line = this.#open[stream];
      this.#open[stream] = '';
      if (line !== '') this.#line(stream, line);
    }
  }

  #fail(reason: string, code: number | undefined): never {
    this.#flush();
    this.#end('failed', reason);
    const said = /returned a non-zero code: (\d+)/.exec(reason)?.[1];
    // podman: "… while running runtime: exit status 1".
    const status = said ?? /exit status (\d+)/.exec(reason)?.[1];
    throw new BuildFailedError({
      platform: this.#build.platform,
      step: this.#step?.name,
      location: this.#step && this.#locate(this.#step.number),
      exitCode: status === undefined ? code : Number(status),
      reason,
      output: this.#output,
    });
  }

  #locate(step: number): SourceLocation | undefined {
    const place = locationOfStep(this.#build.dockerfile, step);
    return place && (this.#build.originalLocation?.(place.line) ?? place);
  }
}

/** Where a step stands: the builder counts every instruction, ARGs above the first FROM included. */
export function locationOfStep(dockerfile: string, step: number): SourceLocation | undefined {
  let instruction: { readonly startLine: number; readonly endLine: number } | undefined;
  try {
    instruction = parseDockerfile(dockerfile).instructions[step - 1];
  } catch (error) {
    if (!isMabuildError(error)) throw error;
  }
  if (instruction === undefined) return undefined;
  const lineText = dockerfile.split(/\r?\n/)[instruction.startLine - 1];
  return {
    line: instruction.startLine,
    column: 1,
    endLine: instruction.endLine,
    ...(lineText !== undefined && { lineText }),
  };
}
