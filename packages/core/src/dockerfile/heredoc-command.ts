import { resolveBase } from './base.ts';
import type { Dockerfile, Heredoc, Instruction, Stage } from './model.ts';
import type { ScopeOptions } from './scope.ts';

const scriptFlag: readonly (readonly [RegExp, string])[] = [
  [/^(?:sh|bash|ash|dash|zsh|ksh)$/, '-c'],
  [/^python[\d.]*$/, '-c'],
  [/^(?:perl|ruby|node)$/, '-e'],
];

/**
 * What a RUN with heredocs executes, as BuildKit has it: one body alone is the shell's command (or a script of its own
 * interpreter), anything else goes to the shell with its heredocs in place.
 *
 * `undefined` for a script whose interpreter takes no program on its command line.
 */
export function heredocCommand(
  dockerfile: Dockerfile,
  stage: Stage,
  instruction: Instruction,
  scope: ScopeOptions,
): readonly string[] | undefined {
  return commandOfHeredocs(instruction, shellOf(dockerfile, stage, instruction, scope));
}

/** The same for a shell that is known. */
export function commandOfHeredocs(
  instruction: Instruction,
  shell: readonly string[],
): readonly string[] | undefined {
  const text = instruction.args[0] ?? '';
  const [first] = instruction.heredocs;
  if (first && isHeredocAlone(instruction)) {
    const body = contentOf(first);
    return body.startsWith('#!') ? scriptCommand(body) : [...shell, body];
  }
  const bodies = instruction.heredocs.map(({ content, name }) => `\n${content}${name}`);
  return [...shell, text + bodies.join('')];
}

/** Tells whether a RUN is one heredoc and nothing else. */
export function isHeredocAlone({ args, heredocs }: Instruction): boolean {
  return heredocs.length === 1 && /^\d*<<-?[\t ]*[^<\s]+$/.test((args[0] ?? '').trim());
}

/** A heredoc's body, without its leading tabs for `<<-`. */
export function contentOf({ content, chomp }: Heredoc): string {
  return chomp ? content.replace(/^\t+/gm, '') : content;
}

function scriptCommand(body: string): readonly string[] | undefined {
  const [line = ''] = body.slice(2).split(/\r?\n/, 1);
  const [interpreter = '', ...rest] = line.trim().split(/[ \t]+/);
  const args = rest.length > 0 ? [rest.join(' ')] : [];
  const called = interpreter.endsWith('/env') ? (rest.at(-1) ?? '') : (interpreter.split('/').at(-1) ?? '');
  if (interpreter.endsWith('/env') && rest.length !== 1) return undefined;
  const flag = scriptFlag.find(([pattern]) => pattern.test(called))?.[1];
  return flag === undefined ? undefined : [interpreter, ...args, flag, body];
}

/** The last SHELL before an instruction, in its stage or the stages below. */
function shellOf(
  dockerfile: Dockerfile,
  stage: Stage,
  instruction: Instruction | undefined,
  scope: ScopeOptions,
): readonly string[] {
  const until = instruction ? stage.instructions.indexOf(instruction) : stage.instructions.length;
  const shell = stage.instructions
    .slice(0, until)
    .findLast(({ keyword, json }) => keyword === 'SHELL' && json);
  if (shell) return shell.args;
  const base = resolveBase(dockerfile, stage, scope);
  return base.kind === 'stage' ? shellOf(dockerfile, base.stage, undefined, scope) : ['/bin/sh', '-c'];
}
