import { dockerfileError } from './location.ts';
import type { Dockerfile, Instruction, Stage, Word } from './model.ts';
import { exposedPorts, PortError } from './ports.ts';
import { expandIn, type ScopeOptions, scopeAt } from './scope.ts';

/**
 * Refuses what BuildKit refuses in a stage that it builds, before any step runs.
 *
 * A word that holds variables of the base image is not judged.
 * @throws MabuildError `DOCKERFILE_SYNTAX`.
 */
export function validateStage(dockerfile: Dockerfile, stage: Stage, options: ScopeOptions): void {
  for (const instruction of stage.instructions) {
    if (instruction.keyword === 'COPY') {
      for (const word of instruction.words.slice(0, -1)) {
        const source = known(dockerfile, stage, instruction, word, options);
        if (source === undefined || !/^https?:\/\//.test(source)) continue;
        throw dockerfileError(
          dockerfile,
          word.range,
          "source can't be a URL for COPY",
          'ADD can fetch a URL; COPY cannot',
        );
      }
    }
    if (instruction.keyword === 'EXPOSE') {
      for (const word of instruction.words) {
        const spec = known(dockerfile, stage, instruction, word, options);
        if (spec !== undefined) validatePort(dockerfile, word, spec);
      }
    }
  }
}

function known(
  dockerfile: Dockerfile,
  stage: Stage,
  instruction: Instruction,
  word: Word,
  options: ScopeOptions,
): string | undefined {
  if (!word.raw.includes('$')) return expandIn(dockerfile, word, new Map()).expansion.text;
  const { expansion } = expandIn(dockerfile, word, scopeAt(dockerfile, stage, instruction, options));
  return expansion.unmatched.length > 0 ? undefined : expansion.text;
}

function validatePort(dockerfile: Dockerfile, word: Word, spec: string): void {
  try {
    // The value of a variable may hold several ports.
    for (const port of spec.split(/[\t\v\f\r ]+/).filter((item) => item !== '')) exposedPorts(port);
  } catch (error) {
    if (!(error instanceof PortError)) throw error;
    throw dockerfileError(dockerfile, word.range, error.message, 'write e.g. 80, 53/udp or 8000-8010/tcp');
  }
}
