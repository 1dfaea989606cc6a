import { expandWord, type Instruction, parseDockerfile } from '@mabuild/core';
import { type ContainerConfig, MabuildError } from '@mabuild/oci';

const instructions = [
  'CMD',
  'ENTRYPOINT',
  'ENV',
  'EXPOSE',
  'LABEL',
  'ONBUILD',
  'STOPSIGNAL',
  'USER',
  'VOLUME',
  'WORKDIR',
] as const;

/**
 * What Dockerfile instructions make of an empty config, as `docker import --change` has it; the last of a kind wins.
 *
 * @param lines e.g. `CMD ["/bin/bash"]`, `ENV LANG=C.UTF-8`
 * @throws MabuildError `INVALID_CHANGE`
 */
export function containerConfigOf(lines: readonly string[]): ContainerConfig {
  const config: Writable = {};
  for (const line of lines) {
    try {
      const [, instruction, more] = parseDockerfile(`FROM scratch\n${line}\n`).instructions;
      if (instruction === undefined || more !== undefined) throw new Error('it is not one instruction');
      apply(config, instruction);
    } catch (error) {
      throw new MabuildError(`the change ${JSON.stringify(line)}: ${(error as Error).message}`, {
        code: 'INVALID_CHANGE',
        hint: `write an instruction as in a Dockerfile: ${instructions.join(', ')}`,
        cause: error,
      });
    }
  }
  return config;
}

/** One config on top of another: variables and labels by name, everything else as a whole. */
export function mergeConfigs(below: ContainerConfig, above: ContainerConfig): ContainerConfig {
  const names = new Set((above.Env ?? []).map(nameOf));
  const environment = [...(below.Env ?? []).filter((one) => !names.has(nameOf(one))), ...(above.Env ?? [])];
  const labels = { ...below.Labels, ...above.Labels };
  return {
    ...below,
    ...above,
    ...(environment.length > 0 ? { Env: environment } : {}),
    ...(Object.keys(labels).length > 0 ? { Labels: labels } : {}),
  };
}

function nameOf(variable: string): string {
  return variable.slice(0, variable.indexOf('='));
}

type Writable = { -readonly [K in keyof ContainerConfig]: ContainerConfig[K] };

function apply(config: Writable, instruction: Instruction): void {
  const { keyword, args, json } = instruction;
  const words = (): readonly string[] => (json ? args : args.map((word) => plain(config, word)));
  const word = (): string => {
    const [only, more] = words();
    if (only === undefined || more !== undefined) throw new Error(`${keyword} takes one word`);
    return only;
  };
  switch (keyword) {
    case 'CMD':
      config.Cmd = command(instruction);
      return;
    case 'ENTRYPOINT':
      config.Entrypoint = command(instruction);
      return;
    case 'ENV':
      for (const [name, value] of pairs(config, instruction)) {
        const others = (config.Env ?? []).filter((variable) => !variable.startsWith(`${name}=`));
        config.Env = [...others, `${name}=${value}`];
      }
      return;
    case 'LABEL':
      config.Labels = { ...config.Labels, ...Object.fromEntries(pairs(config, instruction)) };
      return;
    case 'EXPOSE':
      config.ExposedPorts = { ...config.ExposedPorts, ...Object.fromEntries(words().map(port)) };
      return;
    case 'VOLUME':
      config.Volumes = { ...config.Volumes, ...Object.fromEntries(words().map((path) => [path, {}])) };
      return;
    case 'WORKDIR':
      config.WorkingDir = word();
      if (!/^(?:\/|[A-Za-z]:)/.test(config.WorkingDir)) throw new Error('WORKDIR takes an absolute path');
      return;
    case 'USER':
      config.User = word();
      return;
    case 'STOPSIGNAL':
      config.StopSignal = word();
      return;
    case 'ONBUILD':
      config.OnBuild = [...(config.OnBuild ?? []), instruction.logical.text.replace(/^\s*ONBUILD\s+/i, '')];
      return;
    default:
      throw new Error(`${keyword} cannot be applied to files that are there`);
  }
}

/** Shell form goes through the shell, as in a Dockerfile. */
function command({ keyword, args, json }: Instruction): readonly string[] {
  if (json) return args;
  const [line = ''] = args;
  if (line.trim() === '') throw new Error(`${keyword} takes a program`);
  return ['/bin/sh', '-c', line];
}

/** ENV and LABEL: name, value, and what stood between them. */
function pairs(config: Writable, { args }: Instruction): readonly (readonly [string, string])[] {
  const found: [string, string][] = [];
  for (let at = 0; at + 1 < args.length; at += 3) {
    const name = plain(config, args[at] ?? '');
    if (name === '') throw new Error('a name is missing');
    found.push([name, plain(config, args[at + 1] ?? '')]);
  }
  return found;
}

function plain(config: Writable, raw: string): string {
  const variables = (config.Env ?? []).map((variable) => {
    const equals = variable.indexOf('=');
    return [variable.slice(0, equals), variable.slice(equals + 1)] as const;
  });
  return expandWord(raw, new Map(variables)).text;
}

function port(text: string): readonly [string, object] {
  const [, number = '', protocol = 'tcp'] = /^(\d{1,5})(?:\/(tcp|udp|sctp))?$/.exec(text) ?? [];
  if (number === '' || Number(number) > 65_535) throw new Error(`${JSON.stringify(text)} is no port`);
  return [`${number}/${protocol}`, {}];
}
