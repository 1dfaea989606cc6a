import { MabuildError } from '@mabuild/oci';
import type { AddedFile } from '../context/context.ts';
import { resolveBase } from '../dockerfile/base.ts';
import { contentOf } from '../dockerfile/heredoc-command.ts';
import { type BuildTarget, imageUses, scopeOf } from '../dockerfile/image-uses.ts';
import { locate } from '../dockerfile/location.ts';
import type { Dockerfile, Heredoc, Instruction, Stage } from '../dockerfile/model.ts';
import { scopeAt } from '../dockerfile/scope.ts';
import { expandWord } from '../dockerfile/words.ts';
import { type BasePin, pinOf } from './pin-base.ts';

interface HeredocFileOptions extends BuildTarget {
  readonly bases?: readonly BasePin[] | undefined;
  readonly path: string;
  readonly mode: number;
}

/** The file that a heredoc of COPY or ADD stands for, its variables expanded as BuildKit does. */
export function heredocFile(
  dockerfile: Dockerfile,
  stage: Stage,
  instruction: Instruction,
  heredoc: Heredoc,
  options: HeredocFileOptions,
): AddedFile {
  const content = contentOf(heredoc);
  return {
    path: options.path,
    mode: options.mode,
    from: { content: heredoc.expand ? expand(dockerfile, stage, instruction, content, options) : content },
  };
}

function expand(
  dockerfile: Dockerfile,
  stage: Stage,
  instruction: Instruction,
  content: string,
  options: HeredocFileOptions,
): string {
  const env = new Map([['PATH', '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin']]);
  const base = baseEnvironment(dockerfile, stage, options);
  for (const entry of base ?? []) {
    const equals = entry.indexOf('=');
    if (equals > 0) env.set(entry.slice(0, equals), entry.slice(equals + 1));
  }
  for (const [name, { value }] of scopeAt(dockerfile, stage, instruction, scopeOf(options)))
    env.set(name, value);
  // Quotes are ordinary characters in a body, and the escape character is a backslash whatever the file says.
  const hidden = content.replaceAll('"', '\ue000').replaceAll("'", '\ue001');
  const { text, unmatched } = expandWord(hidden, env);
  if (base === undefined && unmatched.length > 0) {
    throw new MabuildError(`the heredoc names ${unmatched[0]}, which the base image may set`, {
      code: 'NEEDS_BUILDKIT',
      hint: `build with Docker 23 or newer, or set ${unmatched[0]} with ENV or ARG`,
      location: locate(dockerfile, instruction.range),
    });
  }
  return text.replaceAll('\ue000', '"').replaceAll('\ue001', "'");
}

/** The Env of the image below a stage; `undefined` when it is not known. */
function baseEnvironment(
  dockerfile: Dockerfile,
  stage: Stage,
  options: HeredocFileOptions,
): readonly string[] | undefined {
  const base = resolveBase(dockerfile, stage, scopeOf(options));
  if (base.kind === 'scratch') return [];
  if (base.kind === 'stage') return baseEnvironment(dockerfile, base.stage, options);
  const use = imageUses(dockerfile, options).find(
    (item) => item.kind === 'from' && item.stage.index === stage.index,
  );
  return use && pinOf(use, options.bases ?? [])?.environment;
}
