import { type CallOptions, MabuildError, type Platform } from '@mabuild/oci';
import type { Instruction, Stage } from '../../dockerfile/model.ts';
import type { ScopeOptions } from '../../dockerfile/scope.ts';
import { stageDependencies } from '../../dockerfile/stage-graph.ts';
import type { RunRequest } from './run-request.ts';
import { locationOf, type StepSite } from './steps/step.ts';

export interface NetworkQuestion extends Pick<CallOptions, 'signal'> {
  readonly site: StepSite;
  /** Those that are built. */
  readonly stages: readonly Stage[];
  readonly scope: ScopeOptions;
  /** Says why RUN of a platform cannot be kept from the network. @default it can */
  readonly lacksNetworks:
    | ((platform: Platform, options: CallOptions) => Promise<string | undefined>)
    | undefined;
}

/**
 * Refuses, when a RUN is about to be executed, `--network=none` of it and of those that stand on it, where the sandbox has no
 * networks of its own: nobody waits for a build that cannot end. What is remembered needs no sandbox.
 *
 * @throws MabuildError `SANDBOX_UNAVAILABLE` with the line
 */
export async function refuseNetwork(request: RunRequest, question: NetworkQuestion): Promise<void> {
  const { site, signal, lacksNetworks } = question;
  const found = standingOn(request.instruction, question).find(
    (instruction) => instruction.keyword === 'RUN' && networkOf(instruction, site) === 'none',
  );
  if (found === undefined) return;
  const why = await lacksNetworks?.(request.platform, { signal });
  if (why === undefined) return;
  const location = locationOf(site, found);
  throw new MabuildError(`at line ${location.line} (RUN): --network=none cannot be done here: ${why}`, {
    code: 'SANDBOX_UNAVAILABLE',
    hint: 'build where namespaces are allowed (`mabuild doctor` says what would allow them), or leave out --network=none',
    location,
  });
}

/** The network that a RUN gets: `default`, `host` or `none`. */
export function networkOf({ flags }: Instruction, { build }: Pick<StepSite, 'build'>): string {
  return flags.find(({ name }) => name === 'network')?.value ?? build.network;
}

/** The instruction, what follows it in its stage, and all of the stages that are made from that one. */
function standingOn(
  instruction: Instruction,
  { site, stages, scope }: NetworkQuestion,
): readonly Instruction[] {
  const own = stages.find(({ instructions }) => instructions.includes(instruction));
  if (own === undefined) return [instruction];
  const above = new Set([own]);
  for (let size = 0; size < above.size; ) {
    size = above.size;
    for (const stage of stages)
      if (stageDependencies(site.dockerfile, stage, scope).some(({ stage: below }) => above.has(below)))
        above.add(stage);
  }
  above.delete(own);
  const rest = own.instructions.slice(own.instructions.indexOf(instruction));
  return [...rest, ...[...above].flatMap(({ instructions }) => instructions)];
}
