import { type ContainerConfig, MabuildError } from '@mabuild/oci';
import { parseOutput } from '../sdk/build/output.ts';
import type { ImportOutput } from '../sdk/images/import-rootfs.ts';
import { keyValues } from './options.ts';

/** The flags of `mabuild import` that are not read as they stand. */
export interface ImportFlags {
  readonly output?: string | undefined;
  readonly load?: boolean | undefined;
  readonly change?: readonly string[] | undefined;
  readonly cmd?: string | undefined;
  readonly entrypoint?: string | undefined;
  readonly env?: readonly string[] | undefined;
  readonly label?: readonly string[] | undefined;
  readonly workdir?: string | undefined;
  readonly user?: string | undefined;
}

/** Programs are written as in a Dockerfile; `--change` comes first, so that the others win. */
export function importChanges({ change = [], cmd, entrypoint, workdir }: ImportFlags): readonly string[] {
  return [
    ...change,
    ...(entrypoint === undefined ? [] : [`ENTRYPOINT ${entrypoint}`]),
    ...(cmd === undefined ? [] : [`CMD ${cmd}`]),
    ...(workdir === undefined ? [] : [`WORKDIR ${workdir}`]),
  ];
}

/** @throws MabuildError `USAGE` naming the flag */
export function importConfig({ env, label, user }: ImportFlags): ContainerConfig {
  const variables = Object.entries(keyValues('--env', env));
  const labels = keyValues('--label', label);
  return {
    ...(variables.length > 0 ? { Env: variables.map(([name, value]) => `${name}=${value}`) } : {}),
    ...(Object.keys(labels).length > 0 ? { Labels: labels } : {}),
    ...(user === undefined ? {} : { User: user }),
  };
}

/** @throws MabuildError `USAGE`, `INVALID_OUTPUT` */
export function importOutput({ output, load }: ImportFlags): ImportOutput | undefined {
  if (output === undefined) return load ? { type: 'load' } : undefined;
  const parsed = parseOutput(output);
  if (!load && parsed.type !== 'local' && parsed.type !== 'tar') return parsed;
  throw new MabuildError(load ? '--load and --output exclude each other' : `-o ${output} holds no image`, {
    code: 'USAGE',
    hint: 'use -o oci:DIR, -o oci-archive:FILE or -o docker-archive:FILE',
  });
}
