import { formatPlatform, isMabuildError, MabuildError, type SourceLocation } from '@mabuild/oci';
import { addedFolder } from '../../context/added-folder.ts';
import type { Instruction, Stage } from '../../dockerfile/model.ts';
import { parseDockerfile } from '../../dockerfile/parse.ts';
import type { BuildEvent } from '../../events.ts';
import { BuildFailedError, shownOutputLines } from '../build-failed.ts';
import type { EngineBuild } from '../engine.ts';
import { readSolveStatus, type Vertex } from './buildkit-status.ts';
import { type EngineMessage, errorOfMessage } from './messages.ts';

interface Step {
  vertex: Vertex;
  started: boolean;
  ended: boolean;
  /** Last lines of its output. */
  output: string[];
  /** A line that is not yet ended, per stream. */
  readonly open: { stdout: string; stderr: string };
}

/** Reads what a BuildKit build says, one message after the other, and tells it as events. */
export class BuildkitFollower {
  readonly #build: EngineBuild;
  readonly #emit: (event: BuildEvent) => void;
  readonly #steps = new Map<string, Step>();
  #imageId: string | undefined;

  constructor(build: EngineBuild, emit: (event: BuildEvent) => void) {
    this.#build = build;
    this.#emit = emit;
  }

  /** @throws BuildFailedError for a message that says so. */
  take(message: EngineMessage): void {
    const reason = errorOfMessage(message);
    if (reason !== undefined) throw this.#failure(reason, message.errorDetail?.code);
    if (message.id === 'moby.buildkit.trace' && typeof message.aux === 'string') {
      this.#status(Buffer.from(message.aux, 'base64'));
    }
    const id = (message.aux as { ID?: unknown } | undefined)?.ID;
    if (message.id === 'moby.image.id' && typeof id === 'string') this.#imageId = id;
  }

  /** The image's id, once everything has been read. @throws MabuildError `ENGINE_ANSWER_INVALID`. */
  finish(endpoint: string): string {
    if (this.#imageId !== undefined) return this.#imageId;
    throw new MabuildError(
      `the engine at ${endpoint} ended the build of ${formatPlatform(this.#build.platform)} without an image`,
      { code: 'ENGINE_ANSWER_INVALID', hint: "the engine's log may say why; try again" },
    );
  }

  /** Tells whether any step of the Dockerfile has begun. */
  get hasBegun(): boolean {
    return this.#steps.size > 0;
  }

  #status(bytes: Buffer): void {
    const { platform } = this.#build;
    const status = readSolveStatus(bytes);
    for (const vertex of status.vertexes) this.#vertex(vertex);
    for (const { vertex, id, current, total } of status.statuses) {
      this.#emit({ type: 'status', platform, id: vertex, name: id, current, total });
    }
    for (const log of status.logs)
      this.#log(log.vertex, log.stream === 2 ? 'stderr' : 'stdout', log.message.toString('utf8'));
    for (const { text } of status.warnings) {
      this.#emit({ type: 'warning', platform, code: 'BUILDKIT_WARNING', message: text });
    }
  }

  #vertex(vertex: Vertex): void {
    const { platform } = this.#build;
    const step = this.#step(vertex.digest);
    step.vertex = { ...vertex, name: vertex.name || step.vertex.name };
    const name = shownName(step.vertex.name);
    const event = { type: 'step', platform, id: vertex.digest, name } as const;
    if (vertex.started !== undefined && !step.started) {
      step.started = true;
      this.#emit({ ...event, state: 'started' });
    }
    if (vertex.completed === undefined || step.ended) return;
    step.ended = true;
    this.#flush(vertex.digest, step);
    const seconds = Math.max(0, vertex.completed - (vertex.started ?? vertex.completed)) / 1000;
    if (vertex.error !== '') this.#emit({ ...event, state: 'failed', error: vertex.error });
    else this.#emit({ ...event, state: vertex.cached ? 'cached' : 'done', seconds });
  }

  #step(digest: string): Step {
    let step = this.#steps.get(digest);
    if (!step) {
      const vertex = { digest, name: '', cached: false, started: undefined, completed: undefined, error: '' };
      step = { vertex, started: false, ended: false, output: [], open: { stdout: '', stderr: '' } };
      this.#steps.set(digest, step);
    }
    return step;
  }

  #log(digest: string, stream: 'stdout' | 'stderr', text: string): void {
    const step = this.#step(digest);
    const lines = (step.open[stream] + text).split('\n');
    step.open[stream] = lines.pop() ?? '';
    this.#lines(digest, step, stream, lines);
  }

  #flush(digest: string, step: Step): void {
    for (const stream of ['stdout', 'stderr'] as const) {
      if (step.open[stream] !== '') this.#lines(digest, step, stream, [step.open[stream]]);
      step.open[stream] = '';
    }
  }

  #lines(digest: string, step: Step, stream: 'stdout' | 'stderr', lines: readonly string[]): void {
    if (lines.length === 0) return;
    step.output = [...step.output, ...lines].slice(-shownOutputLines);
    this.#emit({ type: 'log', platform: this.#build.platform, id: digest, stream, text: lines.join('\n') });
  }

  #failure(reason: string, code: number | undefined): BuildFailedError {
    const failed = [...this.#steps.values()].find(
      ({ vertex }) => vertex.error !== '' && !/context canceled/.test(vertex.error),
    );
    if (failed) this.#flush(failed.vertex.digest, failed);
    const said =
      /exit code: (\d+)/.exec(reason)?.[1] ?? /exit code: (\d+)/.exec(failed?.vertex.error ?? '')?.[1];
    const line = failed && lineOfVertex(this.#build.dockerfile, failed.vertex.name);
    const isProgram = said !== undefined || (failed?.output.length ?? 0) > 0;
    return new BuildFailedError({
      platform: this.#build.platform,
      step: failed && shownName(failed.vertex.name),
      location: line === undefined ? undefined : locate(this.#build, line),
      exitCode: said === undefined ? (isProgram ? code : undefined) : Number(said),
      reason,
      output: failed?.output ?? [],
    });
  }
}

/** A mount that brings what a build added to the context: people did not write it. */
const ownMount = new RegExp(` --mount=\\S*\\bsource=${addedFolder.replaceAll('.', '\\.')}/\\S*`, 'g');

function shownName(name: string): string {
  return name.replaceAll(ownMount, '');
}

function locate(build: EngineBuild, line: number): SourceLocation {
  if (build.originalLocation) return build.originalLocation(line);
  const lineText = build.dockerfile.split(/\r?\n/)[line - 1];
  return { line, column: 1, ...(lineText === undefined ? {} : { lineText }) };
}

/** Instructions that BuildKit counts as steps of a stage, after its FROM. */
const counted: ReadonlySet<string> = new Set(['ADD', 'COPY', 'RUN', 'WORKDIR']);

/**
 * Finds the instruction that a step's name means: `[build 2/3] RUN make` is the second step of stage `build`.
 *
 * @returns its first line in the Dockerfile that the engine got, or `undefined` for steps of BuildKit's own
 */
export function lineOfVertex(dockerfile: string, name: string): number | undefined {
  const match = /^\[(?:\S+\/\S+ )?(?:(\S+) +)?(\d+)\/\d+\] (\w+)/.exec(name);
  if (!match) return undefined;
  const [, label, number, keyword = ''] = match;
  let stages: readonly Stage[];
  try {
    ({ stages } = parseDockerfile(dockerfile));
  } catch (error) {
    if (isMabuildError(error)) return undefined;
    throw error;
  }
  const stage = label === undefined ? stages.at(-1) : stageOfLabel(stages, label);
  if (!stage) return undefined;
  const steps: readonly Instruction[] = [
    stage.from,
    ...stage.instructions.filter((instruction) => counted.has(instruction.keyword)),
  ];
  const step = steps[Number(number) - 1];
  if (step?.keyword === keyword.toUpperCase()) return step.startLine;
  // Triggers of the base shift the count; the text tells then.
  const text = name.slice(name.indexOf('] ') + 2);
  return steps.find((instruction) => sameText(instruction.logical.text, text))?.startLine;
}

function stageOfLabel(stages: readonly Stage[], label: string): Stage | undefined {
  const byName = stages.find((stage) => stage.name === label.toLowerCase());
  const index = /^stage-(\d+)$/.exec(label)?.[1];
  return byName ?? (index === undefined ? undefined : stages[Number(index)]);
}

function sameText(one: string, other: string): boolean {
  const plain = (text: string): string => text.replace(/\s+/g, ' ').trim();
  return plain(one) === plain(other);
}
