import {
  type Dockerfile,
  expandIn,
  type Instruction,
  parseDockerfile,
  platformArgs,
  resolveBase,
  type Scope,
  type ScopeOptions,
  type Stage,
  scopeAt,
  stageDependencies,
} from '@mabuild/core';
import { type Platform, parsePlatform } from '@mabuild/oci';
import type { Sandbox, Script, Trace } from './sandbox.ts';

/** What a build of a file does for one platform, stage after stage, as far as it can be told without an engine. */
export interface Steps {
  readonly runs: readonly Script[];
  /** RUNs that need another shell than dash. */
  readonly others: number;
  /** ADD and COPY with their words expanded. */
  readonly copies: readonly string[];
  /** What the final image says of itself: ENV, CMD, LABEL, … */
  readonly configuration: readonly string[];
}

export interface ExecutedSteps extends Omit<Steps, 'runs'> {
  readonly traces: readonly Trace[];
}

const build = parsePlatform('linux/amd64');
const known = ['linux/amd64', 'linux/arm64', 'linux/arm/v7'].map((name) => parsePlatform(name));
const settings = new Set([
  'CMD',
  'ENTRYPOINT',
  'LABEL',
  'EXPOSE',
  'VOLUME',
  'USER',
  'STOPSIGNAL',
  'HEALTHCHECK',
  'ONBUILD',
]);

/** Reads the steps of every stage that a platform's build has a use for; `undefined` for a Windows file. */
export function stepsOf(
  text: string,
  platform: Platform,
  buildArgs: Readonly<Record<string, string>> = {},
): Steps | undefined {
  const file = parseDockerfile(text);
  if (file.escape === '`') return undefined;
  const options = { platformArgs: platformArgs(platform, build), buildArgs };
  const stages = neededStages(file, options);
  const runs = stages.flatMap((stage) => runsOf(file, stage, options, platform));
  return {
    runs: runs.filter((run) => run !== undefined),
    others: runs.filter((run) => run === undefined).length,
    copies: stages.flatMap((stage) => copiesOf(file, stage, options)),
    configuration: configurationOf(file, options),
  };
}

/** Executes the steps, one trace for each RUN. */
export async function execute(steps: Steps, sandbox: Sandbox): Promise<ExecutedSteps> {
  const traces: Trace[] = [];
  for (const run of steps.runs) traces.push(await sandbox.run(run));
  return { ...steps, traces };
}

/** The last stage, the stages that no other needs on any platform, and all that these need on this one; in the file's order. */
function neededStages(file: Dockerfile, options: ScopeOptions): readonly Stage[] {
  const used = new Set<Stage>();
  for (const platform of known) {
    for (const stage of file.stages) {
      const others = stageDependencies(file, stage, { platformArgs: platformArgs(platform, build) });
      for (const { stage: other } of others) used.add(other);
    }
  }
  const needed = new Set<Stage>();
  const visit = (stage: Stage): void => {
    if (needed.has(stage)) return;
    needed.add(stage);
    for (const { stage: other } of stageDependencies(file, stage, options)) visit(other);
  };
  for (const stage of file.stages) if (!used.has(stage)) visit(stage);
  return file.stages.filter((stage) => needed.has(stage));
}

function runsOf(
  file: Dockerfile,
  stage: Stage,
  options: ScopeOptions,
  target: Platform,
): readonly (Script | undefined)[] {
  const platform = machineOf(file, stage, options, target);
  return stage.instructions.flatMap((outer) => {
    const instruction = outer.onbuild ?? outer;
    if (instruction.keyword !== 'RUN') return [];
    const before = chain(file, stage, outer, options);
    const text = scriptOf(instruction, before);
    if (text === undefined) return [undefined];
    const scope = scopeAt(file, stage, outer, options);
    const environment = Object.fromEntries([...scope].map(([name, { value }]) => [name, value]));
    return [{ text, platform, environment, directory: directoryOf(file, before, options) }];
  });
}

/** The platform that a stage runs on: FROM's flag at the bottom of its chain, else the target. */
function machineOf(file: Dockerfile, stage: Stage, options: ScopeOptions, target: Platform): Platform {
  const base = resolveBase(file, stage, options);
  if (base.kind === 'stage') return machineOf(file, base.stage, options, target);
  if (base.kind === 'scratch' || base.platform === undefined) return target;
  return parsePlatform(base.platform);
}

/** The instructions before one, those of the stages below included. */
function chain(
  file: Dockerfile,
  stage: Stage,
  until: Instruction | undefined,
  options: ScopeOptions,
): readonly { stage: Stage; instruction: Instruction }[] {
  const base = resolveBase(file, stage, options);
  const below = base.kind === 'stage' ? chain(file, base.stage, undefined, options) : [];
  const end = until ? stage.instructions.indexOf(until) : stage.instructions.length;
  return [...below, ...stage.instructions.slice(0, end).map((instruction) => ({ stage, instruction }))];
}

type Chain = ReturnType<typeof chain>;

/** The shell text of a RUN; `undefined` where its shell is none that dash could stand for. */
function scriptOf(instruction: Instruction, before: Chain): string | undefined {
  if (instruction.json) return instruction.args.map(quote).join(' ');
  const shell = before.findLast(({ instruction: { keyword, json } }) => keyword === 'SHELL' && json);
  const args = shell?.instruction.args ?? ['/bin/sh', '-c'];
  if (!/(?:^|\/)(?:ba|da|a)?sh$/.test(args[0] ?? '')) return undefined;
  const [first] = instruction.heredocs;
  const text = instruction.args[0] ?? '';
  const bodies = instruction.heredocs.map(({ content, name, chomp }) => ({
    body: chomp ? content.replace(/^\t+/gm, '') : content,
    name,
  }));
  const alone = first && bodies.length === 1 && /^\d*<<-?[\t ]*[^<\s]+$/.test(text.trim());
  const body = bodies[0]?.body ?? '';
  if (alone && body.startsWith('#!') && !/^#!.*\b(?:ba|da|a)?sh\b/.test(body)) return undefined;
  const script = alone ? body : text + bodies.map((item) => `\n${item.body}${item.name}`).join('');
  // Such conditions and arrays are bash's alone; dash would take them for commands.
  if (/\[\[ |\$\{!|\w+=\(|<<<|< <\(/.test(script)) return undefined;
  const exits = args.slice(1, -1).some((arg) => /^-\w*e/.test(arg)) ? 'set -e\n' : '';
  return exits + asDashReads(script);
}

/** dash has no pipefail, and stops at the word; its tests know `=` alone, where BusyBox and bash take `==` too. */
function asDashReads(script: string): string {
  return script
    .replace(/(\[ [^\]\n]*?) == (?=[^\]\n]* \])/g, '$1 = ')
    .replace(/\bset -o pipefail\b/g, 'true')
    .replace(/\bset -([a-z]+)o pipefail\b/g, 'set -$1')
    .replace(/(\bset -[a-z]+) -o pipefail\b/g, '$1');
}

function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

function directoryOf(file: Dockerfile, before: Chain, options: ScopeOptions): string {
  let directory = '/';
  for (const step of before) {
    if (step.instruction.keyword !== 'WORKDIR') continue;
    const [word] = step.instruction.words;
    const scope = scopeAt(file, step.stage, step.instruction, options);
    const path = word ? expandIn(file, word, scope).expansion.text : '';
    directory = path.startsWith('/') ? path : `${directory.replace(/\/$/, '')}/${path}`;
  }
  return directory.replace(/\/{2,}/g, '/');
}

function copiesOf(file: Dockerfile, stage: Stage, options: ScopeOptions): readonly string[] {
  return stage.instructions
    .filter(({ keyword }) => keyword === 'ADD' || keyword === 'COPY')
    .map((instruction) => {
      const scope = scopeAt(file, stage, instruction, options);
      const flags = instruction.flags
        .filter(({ name }) => name !== 'from')
        .map(({ name, value = '' }) => `--${name}=${value}`);
      const words = instruction.json
        ? instruction.args
        : instruction.words.map((word) => expandIn(file, word, scope).expansion.text);
      const bodies = instruction.heredocs.map(({ content, expand }) =>
        expand ? filled(content, scope) : content,
      );
      return [instruction.keyword, ...flags, ...words, ...bodies].join(' ');
    });
}

function filled(text: string, scope: Scope): string {
  return text.replace(/\$\{?(\w+)\}?/g, (_, name: string) => scope.get(name)?.value ?? '');
}

function configurationOf(file: Dockerfile, options: ScopeOptions): readonly string[] {
  const stage = file.stages.at(-1);
  if (stage === undefined) return [];
  const variables = [...scopeAt(file, stage, undefined, options).values()]
    .filter(({ from }) => from === 'env')
    .map(({ name, value }) => `ENV ${name}=${value}`)
    .sort();
  const said = chain(file, stage, undefined, options)
    .filter(({ instruction: { keyword } }) => settings.has(keyword))
    .map((step) => {
      const { keyword, args, words, json } = step.instruction;
      const scope = scopeAt(file, step.stage, step.instruction, options);
      const expanded =
        json ||
        keyword === 'CMD' ||
        keyword === 'ENTRYPOINT' ||
        keyword === 'HEALTHCHECK' ||
        keyword === 'ONBUILD'
          ? args
          : words.map((word) => expandIn(file, word, scope).expansion.text);
      return [keyword, ...expanded].join(' ');
    });
  return [...variables, ...said];
}
