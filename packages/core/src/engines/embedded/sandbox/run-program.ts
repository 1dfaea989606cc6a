import { type CallOptions, isMabuildError } from '@mabuild/oci';
import { BuildFailedError, type BuildFailure, shownOutputLines } from '../../build-failed.ts';
import { CopyError } from '../copy/layer-draft.ts';
import { applyLayer, emptyTree, type Tree } from '../layers/tree.ts';
import type { RunRequest } from '../run-request.ts';
import { lazily } from '../state.ts';
import type { RunProgram } from '../steps/run.ts';
import { locationOf, type StepSite, stepFailed } from '../steps/step.ts';
import { errorText } from './calls/errno.ts';
import { containerUser, isRoot } from './container-user.ts';
import { prepareMounts } from './run-mounts.ts';
import type { Sandbox } from './sandbox.ts';
import type { SandboxResult } from './sandbox-request.ts';

const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** RUN, executed in a sandbox. */
export function sandboxRun(sandbox: Sandbox): RunProgram {
  return async (request, site, onChangedInput) => {
    const { instruction, platform } = request;
    const tail = createTail();
    try {
      const tree = lazily(() => treeOf(request, site));
      const { home, ...user } = await containerUser(request.user, tree);
      const {
        mounts,
        defaults,
        forgotten,
        environment: secrets,
      } = await prepareMounts(request, site.secrets);
      const environment = {
        ...{ PATH: defaultPath, HOME: home, ...defaults },
        ...request.environment,
        ...secrets,
      };
      const result = await sandbox.execute(
        {
          ...{ platform, layers: request.layers, mounts, temporaryDirectory: site.temporaryDirectory },
          command: { arguments: request.command, environment, directory: request.workingDirectory, user },
          network: request.network === 'none' ? 'none' : 'host',
          settings: request.settings,
        },
        {
          signal: site.signal,
          onChangedInput,
          onNote: (note) => {
            tail.add(`mabuild: ${note}\n`);
            site.log(instruction, 'stderr', `mabuild: ${note}\n`);
          },
          onOutput: (stream, chunk) => {
            const text = Buffer.from(chunk).toString('utf8');
            tail.add(text);
            site.log(instruction, stream, text);
          },
        },
      );
      if (result.kind !== 'changed') {
        const output = tail.lines();
        throw failed(result, request, site, { output, hint: secretsHint(forgotten) });
      }
      try {
        return result.entries.length === 0 ? undefined : await site.write(result.entries);
      } finally {
        await result.release();
      }
    } catch (error) {
      if (error instanceof CopyError)
        throw stepFailed(site, instruction, error.message, { cause: error, platform });
      if (isMabuildError(error) && error.code === 'BUILD_FAILED' && !(error instanceof BuildFailedError))
        throw stepFailed(site, instruction, error.message, { cause: error, platform });
      throw error;
    }
  };
}

/** Names the sandbox that a RUN gets, where files cannot have all owners in it. */
export function sandboxLimits(
  sandbox: Sandbox,
): (request: RunRequest, options: CallOptions) => Promise<string | undefined> {
  return ({ platform, network, user }, options) =>
    sandbox.limits(
      { platform, network: network === 'none' ? 'none' : 'host', needsUsers: !isRoot(user) },
      options,
    );
}

function failed(
  result: Exclude<SandboxResult, { kind: 'changed' }>,
  { instruction, platform }: RunRequest,
  site: StepSite,
  told: Pick<BuildFailure, 'output' | 'hint'>,
): BuildFailedError {
  const common = {
    ...{ platform, ...told, step: instruction.logical.text.trim(), location: locationOf(site, instruction) },
  };
  if (result.kind === 'exited')
    return new BuildFailedError({ ...common, exitCode: result.code, reason: `exit code ${result.code}` });
  return new BuildFailedError({
    ...common,
    reason: `could not ${result.purpose}: ${errorText(result.errno)}`,
  });
}

/** What to say of secrets that a RUN could do without, but maybe did not. */
function secretsHint(forgotten: readonly string[]): string | undefined {
  if (forgotten.length === 0) return undefined;
  const flags = forgotten.map((id) => `--secret id=${id},src=FILE`).join(' ');
  const [were, names] = [forgotten.length === 1 ? 'was' : 'were', forgotten.join(', ')];
  return `secret ${names} ${were} not given: ${flags}`;
}

async function treeOf({ layers }: RunRequest, site: StepSite): Promise<Tree> {
  let tree = emptyTree();
  for (const layer of layers) tree = applyLayer(tree, await site.entries(layer));
  return tree;
}

/** Keeps the last lines of an output. */
function createTail(): { add(text: string): void; lines(): readonly string[] } {
  let kept = '';
  return {
    add(text) {
      kept += text;
      if (kept.length > 64 * 1024) kept = kept.slice(-32 * 1024);
    },
    lines: () => {
      const lines = kept.split(/\r?\n/);
      if (lines.at(-1) === '') lines.pop();
      return lines.slice(-shownOutputLines);
    },
  };
}
