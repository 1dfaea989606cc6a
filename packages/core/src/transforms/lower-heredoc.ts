import { MabuildError } from '@mabuild/oci';
import { addedFolder } from '../context/added-folder.ts';
import type { AddedFile } from '../context/context.ts';
import { heredocCommand } from '../dockerfile/heredoc-command.ts';
import { type BuildTarget, scopeOf } from '../dockerfile/image-uses.ts';
import { locate } from '../dockerfile/location.ts';
import type { Dockerfile, Heredoc, Instruction, Stage, TextEdit } from '../dockerfile/model.ts';
import { stageGraph } from '../dockerfile/stage-graph.ts';
import type { Builder } from '../engines/engine.ts';
import type { Change } from './draft.ts';
import { heredocFile } from './heredoc-file.ts';
import type { BasePin } from './pin-base.ts';

export interface LowerOptions extends BuildTarget {
  readonly builder: Builder;
  /** For the variables of base images that bodies of COPY name. */
  readonly bases?: readonly BasePin[] | undefined;
}

/**
 * Writes heredocs in words that older builders know: RUN as exec form of the shell, COPY and ADD as files.
 *
 * The number of lines stays.
 * @throws MabuildError `NEEDS_BUILDKIT` where the meaning cannot be kept.
 */
export function lowerHeredoc(dockerfile: Dockerfile, options: LowerOptions): Change {
  const addedFiles: AddedFile[] = [];
  const edits = stageGraph(dockerfile, options.target, scopeOf(options)).flatMap((stage) =>
    stage.instructions.flatMap((instruction): readonly TextEdit[] => {
      if (instruction.heredocs.length === 0) return [];
      if (instruction.onbuild) throw needsHeredoc(dockerfile, instruction, 'a heredoc in ONBUILD');
      if (instruction.keyword === 'RUN') return [lowerRun(dockerfile, stage, instruction, options)];
      const lowered = lowerCopy(dockerfile, stage, instruction, options);
      addedFiles.push(...lowered.files);
      return [lowered.edit];
    }),
  );
  return { edits, addedFiles };
}

function lowerRun(
  dockerfile: Dockerfile,
  stage: Stage,
  instruction: Instruction,
  options: LowerOptions,
): TextEdit {
  const command = heredocCommand(dockerfile, stage, instruction, scopeOf(options));
  if (!command) throw needsHeredoc(dockerfile, instruction, 'this script in a heredoc');
  const { text } = dockerfile;
  const { start } = instruction.range;
  const head = text.slice(start, instruction.argumentsRange.start);
  return replaceLines(dockerfile, instruction, `${head}${JSON.stringify(command)}`);
}

function lowerCopy(
  dockerfile: Dockerfile,
  stage: Stage,
  instruction: Instruction,
  options: LowerOptions,
): { readonly edit: TextEdit; readonly files: readonly AddedFile[] } {
  const mode = instruction.flags.find(({ name }) => name === 'chmod')?.value;
  const marks = instruction.words.slice(0, -1).filter(({ raw }) => /^\d*<</.test(raw));
  if (marks.length !== instruction.heredocs.length) {
    throw needsHeredoc(dockerfile, instruction, `this ${instruction.keyword} of a heredoc`);
  }
  // Without --chmod the file's own mode counts, so the classic builder can be given it.
  const foldMode =
    options.builder === 'classic' &&
    marks.length === instruction.words.length - 1 &&
    /^[0-7]{3,4}$/.test(mode ?? '');
  const files = instruction.heredocs.map((heredoc, index) =>
    heredocFile(dockerfile, stage, instruction, heredoc, {
      ...options,
      path: pathOf(instruction, heredoc, index),
      mode: foldMode ? Number.parseInt(mode as string, 8) : 0o644,
    }),
  );
  const flags = instruction.flags.filter(({ name }) => !(foldMode && name === 'chmod'));
  const words = instruction.words.map((word) => {
    const index = marks.indexOf(word);
    return index < 0 ? word.raw : (files[index] as AddedFile).path;
  });
  const keyword = dockerfile.text.slice(instruction.keywordRange.start, instruction.keywordRange.end);
  const flagTexts = flags.map(({ range }) => dockerfile.text.slice(range.start, range.end));
  return { files, edit: replaceLines(dockerfile, instruction, [keyword, ...flagTexts, ...words].join(' ')) };
}

function pathOf(instruction: Instruction, heredoc: Heredoc, index: number): string {
  return `${addedFolder}/heredoc-${instruction.startLine}-${index}/${heredoc.name}`;
}

/** One line instead of several, and empty ones for the rest. */
function replaceLines(dockerfile: Dockerfile, instruction: Instruction, line: string): TextEdit {
  const { start, end } = instruction.range;
  const { text, newline } = dockerfile;
  const before = [...text.slice(start, end).matchAll(/\n/g)].length;
  const after = [...line.matchAll(/\n/g)].length;
  if (line.length > 65_000)
    throw needsHeredoc(dockerfile, instruction, 'a heredoc of more than 65,000 characters');
  return { start, end, newText: line + newline.repeat(before - after) };
}

function needsHeredoc(dockerfile: Dockerfile, instruction: Instruction, what: string): MabuildError {
  return new MabuildError(`${what} needs a newer BuildKit than this engine has`, {
    code: 'NEEDS_BUILDKIT',
    hint: 'build with Docker 23 or newer, or put the text into a file of the build context',
    location: locate(dockerfile, instruction.range),
  });
}
