import type { Platform } from '@mabuild/oci';
import { resolveSources } from '../../../dockerfile/base.ts';
import type { Instruction } from '../../../dockerfile/model.ts';
import { readMount } from '../../../dockerfile/mounts.ts';
import { commandOfHeredocs } from '../../../transforms/heredoc-command.ts';
import type { StoredLayer } from '../layers/layer-scanner.ts';
import { listIn, type StageState, textIn, withHistory } from '../state.ts';
import { shellOf } from './command.ts';
import { expand, type FileSource, notSupported, type Step, type StepSite, stacked } from './step.ts';

/** One `--mount` of RUN: its fields, variables expanded, and what it takes its files from. */
export interface RunMount {
  /** Lower-case names; a field without a value is `''`. */
  readonly fields: Readonly<Record<string, string>>;
  /** Of `type=bind` and `type=cache`: the stage, image or context that `from` names. */
  readonly source: FileSource;
}

/** Everything that one RUN needs. */
export interface RunRequest {
  readonly instruction: Instruction;
  /** What the programs of the layers are for. */
  readonly platform: Platform;
  /** The file system to run in, from the bottom. */
  readonly layers: readonly StoredLayer[];
  /** What is executed, the shell included. */
  readonly command: readonly string[];
  /** The image's Env, and the ARGs over it. */
  readonly environment: Readonly<Record<string, string>>;
  /** As USER has it: name or number, and maybe a group; empty for root. */
  readonly user: string;
  /** Absolute. */
  readonly workingDirectory: string;
  /** `default`, `host` or `none`. */
  readonly network: string;
  readonly mounts: readonly RunMount[];
}

/**
 * Executes a RUN.
 * @returns the layer of what it changed; `undefined` when it changed nothing
 */
export type RunProgram = (request: RunRequest, site: StepSite) => Promise<StoredLayer | undefined>;

/** Arguments that every RUN sees without a declaration. */
const undeclared = ['HTTP_PROXY', 'HTTPS_PROXY', 'FTP_PROXY', 'NO_PROXY', 'ALL_PROXY'].flatMap((name) => [
  name,
  name.toLowerCase(),
]);

/** The step of RUN; without a program to execute it with, it refuses. */
export function runStep(run: RunProgram | undefined): Step {
  return async (state, instruction, site) => {
    if (!run) throw runRefused(site, instruction);
    const request = await requestOf(state, instruction, site);
    const createdBy = historyOf(state, request.command);
    const { layer } = await site.run(request, () => run(request, site));
    return layer ? stacked(state, layer, createdBy, site) : withHistory(state, createdBy);
  };
}

/** The error of a RUN that nothing can execute. */
export function runRefused(site: StepSite, instruction: Instruction): Error {
  return notSupported(
    site,
    instruction,
    'RUN needs a sandbox, and this system has none',
    'build on Linux, or start Docker or podman and leave out --engine embedded',
  );
}

async function requestOf(state: StageState, instruction: Instruction, site: StepSite): Promise<RunRequest> {
  const flag = (name: string): string | undefined =>
    instruction.flags.find((item) => item.name === name)?.value;
  const { buildArgs } = site.build;
  const proxies = undeclared.flatMap((name) => {
    const value = Object.hasOwn(buildArgs, name) ? buildArgs[name] : undefined;
    return value === undefined ? [] : [[name, value] as const];
  });
  const image = listIn(state.config, 'Env').map((item) => {
    const equals = item.indexOf('=');
    return [item.slice(0, equals), item.slice(equals + 1)] as const;
  });
  return {
    instruction,
    platform: state.platform,
    layers: state.layers,
    command: commandOf(state, instruction, site),
    environment: Object.fromEntries([...proxies, ...state.arguments, ...image]),
    user: textIn(state.config, 'User'),
    workingDirectory: textIn(state.config, 'WorkingDir') || '/',
    network: flag('network') ?? site.build.network,
    mounts: await mountsOf(state, instruction, site),
  };
}

function commandOf(state: StageState, instruction: Instruction, site: StepSite): readonly string[] {
  if (instruction.json) return instruction.args;
  const shell = shellOf(state);
  if (instruction.heredocs.length === 0) return [...shell, instruction.args.join(' ')];
  const words = commandOfHeredocs(instruction, shell);
  if (words) return words;
  throw notSupported(
    site,
    instruction,
    'the interpreter of its script takes no program on its command line',
    'write the script with COPY <<EOF, and run that file',
  );
}

function historyOf(state: StageState, command: readonly string[]): string {
  const given = [...state.arguments].map(([name, value]) => `${name}=${value}`);
  const prefix = given.length === 0 ? [] : [`|${given.length}`, ...given];
  return `RUN ${[...prefix, ...command].join(' ')} # buildkit`;
}

async function mountsOf(
  state: StageState,
  instruction: Instruction,
  site: StepSite,
): Promise<readonly RunMount[]> {
  const sources = resolveSources(site.dockerfile, instruction);
  return await Promise.all(
    instruction.flags
      .filter(({ name }) => name === 'mount')
      .map(async (flag) => {
        const fields = Object.fromEntries(
          readMount(flag).map(({ key, value }) => [key, expand(site, state, instruction, value ?? '')]),
        );
        const from = sources.find((item) => item.flag === flag);
        return { fields, source: from ? await site.source(from.base, instruction) : site.context };
      }),
  );
}
