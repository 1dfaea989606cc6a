import { Readable } from 'node:stream';
import { resolveSources } from '../../../dockerfile/base.ts';
import { commandOfHeredocs, contentOf, isHeredocAlone } from '../../../dockerfile/heredoc-command.ts';
import type { Instruction } from '../../../dockerfile/model.ts';
import { readMount } from '../../../dockerfile/mounts.ts';
import type { StoredLayer } from '../layers/layer-scanner.ts';
import { networkOf } from '../refuse-network.ts';
import type { RunMount, RunRequest } from '../run-request.ts';
import { listIn, type StageState, textIn, withHistory } from '../state.ts';
import { shellOf } from './command.ts';
import { treeOfFile } from './copy.ts';
import { expand, notSupported, type Step, type StepSite, stacked, stepFailed } from './step.ts';

/**
 * Executes a RUN.
 * @param onChangedInput told when a file of a mount is not the one that was looked at before
 * @returns the layer of what it changed; `undefined` when it changed nothing
 */
export type RunProgram = (
  request: RunRequest,
  site: StepSite,
  onChangedInput: () => void,
) => Promise<StoredLayer | undefined>;

/** Arguments that every RUN sees without a declaration. */
const undeclared = ['HTTP_PROXY', 'HTTPS_PROXY', 'FTP_PROXY', 'NO_PROXY', 'ALL_PROXY'].flatMap((name) => [
  name,
  name.toLowerCase(),
]);

/** The step of RUN; without a program to execute it with, it refuses. */
export function runStep(run: RunProgram | undefined): Step {
  return async (state, instruction, site) => {
    if (!run) throw runRefused(site, instruction);
    if (instruction.flags.some(({ name, value }) => name === 'security' && value === 'insecure')) {
      const what = 'RUN --security=insecure asks for rights that the sandbox does not give';
      throw notSupported(site, instruction, what, 'leave it out, or build with Docker or podman');
    }
    const request = await requestOf(state, instruction, site);
    const createdBy = historyOf(state, request.command);
    const { layer } = await site.run(request, (onChangedInput) => run(request, site, onChangedInput));
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
  const { buildArgs } = site.build;
  const proxies = undeclared.flatMap((name) => {
    const value = Object.hasOwn(buildArgs, name) ? buildArgs[name] : undefined;
    return value === undefined ? [] : [[name, value] as const];
  });
  const image = listIn(state.config, 'Env').map((item) => {
    const equals = item.indexOf('=');
    return [item.slice(0, equals), item.slice(equals + 1)] as const;
  });
  // Of an ENV and an ARG of one name the later counts.
  const known = [...proxies, ...state.arguments, ...image].map(
    ([name, value]) => [name, state.variables.get(name) ?? value] as const,
  );
  const named = new Set([...state.arguments, ...image].map(([name]) => name));
  const script = scriptOf(instruction, site);
  return {
    instruction,
    platform: state.platform,
    layers: state.layers,
    command: script ? [...shellOf(state), `${scripts}/${script.name}`] : commandOf(state, instruction),
    environment: Object.fromEntries(known),
    proxies: proxies.flatMap(([name]) => (named.has(name) ? [] : [name])),
    user: textIn(state.config, 'User'),
    workingDirectory: textIn(state.config, 'WorkingDir') || '/',
    network: networkOf(instruction, site),
    settings: site.build.settings,
    mounts: [...(await mountsOf(state, instruction, site)), ...(script ? [script.mount] : [])],
  };
}

function commandOf(state: StageState, instruction: Instruction): readonly string[] {
  if (instruction.json) return instruction.args;
  const shell = shellOf(state);
  const plain = [...shell, instruction.args.join(' ')];
  return instruction.heredocs.length === 0 ? plain : (commandOfHeredocs(instruction, shell) ?? plain);
}

/** Where BuildKit puts the heredocs that are programs. */
const scripts = '/dev/pipes';

/** A heredoc that is all of a RUN and begins with `#!` is a program of its own. */
function scriptOf(
  instruction: Instruction,
  site: StepSite,
): { readonly name: string; readonly mount: RunMount } | undefined {
  const [heredoc] = instruction.heredocs;
  if (instruction.json || !heredoc || !isHeredocAlone(instruction)) return undefined;
  const body = contentOf(heredoc);
  if (!body.startsWith('#!')) return undefined;
  const { name } = heredoc;
  const bytes = Buffer.from(body);
  const tree = treeOfFile(name, { mode: 0o755, mtime: site.now, size: bytes.length }, async () =>
    Readable.from([bytes], { objectMode: false }),
  );
  return { name, mount: { fields: { target: scripts }, source: { tree: async () => tree } } };
}

function historyOf(state: StageState, command: readonly string[]): string {
  const given = [...state.arguments].map(([name, value]) => `${name}=${state.variables.get(name) ?? value}`);
  const prefix = given.length === 0 ? [] : [`|${given.length}`, ...given];
  return `RUN ${[...prefix, ...command].join(' ')} # buildkit`;
}

/** What a `--mount` of any type can have. */
const mountFields: ReadonlySet<string> = new Set(
  'type from source src target dst destination readonly ro readwrite rw id sharing required size mode uid gid env'.split(
    ' ',
  ),
);

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
        const given = readMount(flag);
        const unknown = given.find(({ key }) => !mountFields.has(key));
        if (unknown) throw stepFailed(site, instruction, `unexpected key '${unknown.key}' in --mount`);
        const fields = Object.fromEntries(
          given.map(({ key, value }) => [key, expand(site, state, instruction, value ?? '')]),
        );
        const from = sources.find((item) => item.flag === flag);
        return { fields, source: from ? await site.source(from.base, instruction) : site.context };
      }),
  );
}
