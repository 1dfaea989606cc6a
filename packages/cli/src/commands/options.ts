import { MabuildError } from '@mabuild/oci';
import { type Config, loadConfig } from '../config.ts';
import type { Io } from '../io.ts';
import { plainProgress } from '../progress/plain.ts';
import type { SdkOptions } from '../sdk/toolbox.ts';
import { type Paint, paintFor } from '../text/paint.ts';

/** Options that every command takes. */
export interface GlobalOptions {
  readonly debug?: boolean;
  readonly color: boolean;
  readonly config?: string;
  readonly mirror?: readonly string[];
  readonly format?: string;
}

/** Collects a repeatable option. */
export function collect(value: string, previous: readonly string[] | undefined): readonly string[] {
  return [...(previous ?? []), value];
}

/** Colours for what a command writes to standard output or standard error. */
export function paintOf(io: Io, stream: 'stdout' | 'stderr', options: Pick<GlobalOptions, 'color'>): Paint {
  const { isTTY } = io[stream] as { readonly isTTY?: boolean };
  return paintFor({ isTTY, color: options.color, environment: io.environment });
}

/** A flag whose value is none of its choices. */
export function oneOf<const T extends string>(
  flag: string,
  value: string,
  choices: readonly T[],
): NoInfer<T> {
  const choice = choices.find((candidate) => candidate === value);
  if (choice !== undefined) return choice;
  throw new MabuildError(`${flag} ${JSON.stringify(value)} is none of ${choices.join(', ')}`, {
    code: 'USAGE',
  });
}

/**
 * Reads `K=V` flags; `K` alone takes the environment's value and is left out when that has none, as docker does.
 * @throws MabuildError `USAGE` when there is no name
 */
export function keyValues(
  flag: string,
  values: readonly string[] | undefined,
  environment?: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const result: Record<string, string> = {};
  for (const text of values ?? []) {
    const equals = text.indexOf('=');
    const name = equals < 0 ? text : text.slice(0, equals);
    if (name === '' || (equals < 0 && !environment)) {
      throw new MabuildError(`${flag} ${JSON.stringify(text)} is not NAME=VALUE`, { code: 'USAGE' });
    }
    const value = equals < 0 ? environment?.[name] : text.slice(equals + 1);
    if (value !== undefined) result[name] = value;
  }
  return result;
}

/** Whether registries and publishers may be asked. @throws MabuildError `USAGE` for both flags */
export function isOnline(options: { readonly online?: boolean; readonly offline?: boolean }): boolean {
  if (options.online && options.offline) {
    throw new MabuildError('--online and --offline exclude each other', { code: 'USAGE' });
  }
  return options.online ?? false;
}

/** A whole number from 1. */
export function positive(flag: string, value: string): number {
  const number = Number(value);
  if (Number.isInteger(number) && number > 0) return number;
  throw new MabuildError(`${flag} ${JSON.stringify(value)} is not a whole number from 1`, { code: 'USAGE' });
}

/** `a,b` of one or several flags. */
export function list(values: readonly string[] | string | undefined): readonly string[] | undefined {
  if (values === undefined) return undefined;
  const items = (typeof values === 'string' ? [values] : values).flatMap((value) => value.split(','));
  return items.map((item) => item.trim()).filter((item) => item !== '');
}

/** The platforms of `--platform`, else those of MABUILD_PLATFORM. */
export function namedPlatforms(
  { platform }: { readonly platform?: readonly string[] | undefined },
  io: Io,
): readonly string[] | undefined {
  return list(platform) ?? list(io.environment.MABUILD_PLATFORM);
}

/** What the SDK needs of the global flags. */
export async function sdkOptions(
  io: Io,
  options: GlobalOptions,
): Promise<SdkOptions & { readonly config: Config }> {
  const mirrors: Record<string, string[]> = {};
  for (const text of options.mirror ?? []) {
    const equals = text.indexOf('=');
    const host = text.slice(0, equals);
    const url = text.slice(equals + 1);
    if (equals < 1 || !URL.canParse(url) || !/^https?:/.test(url)) {
      throw new MabuildError(`--mirror ${JSON.stringify(text)} is not HOST=URL`, {
        code: 'USAGE',
        hint: 'e.g. --mirror docker.io=http://127.0.0.1:5000',
      });
    }
    mirrors[host] = [...(mirrors[host] ?? []), url];
  }
  return {
    environment: {
      variables: io.environment,
      workingDirectory: io.workingDirectory,
      operatingSystem: io.operatingSystem,
      architecture: io.architecture,
    },
    config: await loadConfig({ directory: io.workingDirectory, file: options.config }),
    mirrors,
    sandboxHelper: io.sandboxHelper,
    signal: io.signal,
    onRegistryEvent: plainProgress(io.stderr, paintOf(io, 'stderr', options)).onEvent,
  };
}
