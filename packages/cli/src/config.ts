import { readFile } from 'node:fs/promises';
import { dirname, extname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Rule } from '@mabuild/core';
import { MabuildError } from '@mabuild/oci';

/** What `mabuild.config.{js,mjs,json,yaml}` may say. */
export interface Config {
  /** Platforms to build for, e.g. `["linux/amd64", "linux/arm64"]`. */
  readonly platforms?: readonly string[];
  /** Base images of your own choice: `{ "node": "myreg/node-arm" }`. */
  readonly images?: Readonly<Record<string, string>>;
  /** @default `index` for build, `namespace` for migrate's per-arch files */
  readonly baseStyle?: 'namespace' | 'index';
  readonly registries?: Readonly<Record<string, RegistryConfig>>;
  /** Folder with static emulators, as `--qemu`. */
  readonly qemu?: string;
  /** What builds keep the cache below: `20GB`, or `none`. @default `10GB` */
  readonly cacheLimit?: string;
  /** Rules to leave out, as `--ignore`. */
  readonly ignore?: readonly string[];
  /** Rules of your own, from a .js or .mjs config. */
  readonly plugins?: readonly Rule[];
}

export interface RegistryConfig {
  /** URLs that are read first, e.g. `http://127.0.0.1:5000`. */
  readonly mirrors?: readonly string[];
  /** A PEM file with certificates to trust besides those of Node.js; relative to the configuration's folder. */
  readonly ca?: string;
  /** PEM files of the client's certificate and its key. */
  readonly cert?: string;
  readonly key?: string;
  /** Plain http, or a certificate that nobody vouches for. @default false */
  readonly insecure?: boolean;
}

const names = ['mabuild.config.js', 'mabuild.config.mjs', 'mabuild.config.json', 'mabuild.config.yaml'];

/**
 * Reads the named file, or the nearest `mabuild.config.*` from `directory` up to the repository's root.
 *
 * @throws MabuildError `CONFIG_NOT_FOUND`, `CONFIG_INVALID` (names file and field).
 */
export async function loadConfig(options: {
  readonly directory: string;
  readonly file?: string | undefined;
}): Promise<Config> {
  if (options.file !== undefined) {
    const file = resolve(options.directory, options.file);
    const config = await readConfig(file);
    if (config) return config;
    throw new MabuildError(`reading configuration ${options.file}: there is no such file`, {
      code: 'CONFIG_NOT_FOUND',
      hint: 'leave --config out to use the nearest mabuild.config.*',
    });
  }
  for (let directory = resolve(options.directory); ; directory = dirname(directory)) {
    for (const name of names) {
      const config = await readConfig(join(directory, name));
      if (config) return config;
    }
    if (directory === dirname(directory) || (await isRepositoryRoot(directory))) return {};
  }
}

async function isRepositoryRoot(directory: string): Promise<boolean> {
  const { stat } = await import('node:fs/promises');
  return stat(join(directory, '.git')).then(
    () => true,
    () => false,
  );
}

async function readConfig(file: string): Promise<Config | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new MabuildError(`reading configuration ${file} failed: ${(error as Error).message}`, {
      code: 'CONFIG_INVALID',
      cause: error,
    });
  }
  try {
    return withWholePaths(validateConfig(await parseConfig(file, text), file), dirname(file));
  } catch (error) {
    if (error instanceof MabuildError) throw error;
    throw invalid(file, firstLine((error as Error).message), error);
  }
}

/** Parsers show the place on further lines. */
function firstLine(text: string): string {
  return text.split('\n', 1)[0]?.replace(/:$/, '') ?? '';
}

/** Certificates lie where the configuration says, wherever the command was started. */
function withWholePaths(config: Config, directory: string): Config {
  if (config.registries === undefined) return config;
  const whole = (path: string | undefined): string | undefined => path && resolve(directory, path);
  const registries = Object.entries(config.registries).map(([host, registry]) => {
    const files = { ca: whole(registry.ca), cert: whole(registry.cert), key: whole(registry.key) };
    const given = Object.entries(files).filter(([, file]) => file !== undefined);
    return [host, { ...registry, ...Object.fromEntries(given) }];
  });
  return { ...config, registries: Object.fromEntries(registries) };
}

async function parseConfig(file: string, text: string): Promise<unknown> {
  switch (extname(file)) {
    case '.json':
      return JSON.parse(text);
    case '.yaml':
    case '.yml': {
      const { parseYaml } = await import('./parse-yaml.ts');
      return parseYaml(text);
    }
    default:
      return ((await import(pathToFileURL(file).href)) as { default?: unknown }).default;
  }
}

const fields: Readonly<Record<keyof Config, (value: unknown) => string | undefined>> = {
  platforms: strings,
  images: (value) => record(value, text),
  baseStyle: (value) =>
    value === 'namespace' || value === 'index' ? undefined : 'is neither "namespace" nor "index"',
  registries: (value) => record(value, registry) ?? notHosts(value as object),
  qemu: text,
  cacheLimit: text,
  ignore: strings,
  plugins: (value) => (Array.isArray(value) ? undefined : 'is not a list of rules'),
};

const registryFields: Readonly<Record<keyof RegistryConfig, (value: unknown) => string | undefined>> = {
  mirrors: strings,
  ca: text,
  cert: text,
  key: text,
  insecure: (value) => (typeof value === 'boolean' ? undefined : 'is neither true nor false'),
};

function validateConfig(value: unknown, file: string): Config {
  if (value === undefined || value === null) return {};
  const problem = object(value, fields);
  if (problem) throw invalid(file, problem);
  return value as Config;
}

function invalid(file: string, problem: string, cause?: unknown): MabuildError {
  return new MabuildError(`configuration ${file}: ${problem}`, {
    code: 'CONFIG_INVALID',
    hint: `known fields: ${Object.keys(fields).join(', ')}`,
    cause,
  });
}

function object(
  value: unknown,
  known: Readonly<Record<string, (value: unknown) => string | undefined>>,
): string | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'is not an object';
  for (const [name, field] of Object.entries(value)) {
    const check = Object.hasOwn(known, name) ? known[name] : undefined;
    if (!check) return `${name} is not a known field`;
    const problem = check(field);
    if (problem) return problem.startsWith('is ') ? `${name} ${problem}` : `${name}.${problem}`;
  }
  return undefined;
}

function registry(value: unknown): string | undefined {
  return object(value, registryFields);
}

/** A name that no host has would be passed over in silence. */
function notHosts(registries: object): string | undefined {
  const name = Object.keys(registries).find((key) => !/^(\[[\da-f:]+\]|[\w.-]+)(:\d+)?$/i.test(key));
  return name === undefined ? undefined : `${JSON.stringify(name)} is no host: write HOST or HOST:PORT`;
}

function record(value: unknown, check: (value: unknown) => string | undefined): string | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'is not an object';
  for (const [name, field] of Object.entries(value)) {
    const problem = check(field);
    if (problem)
      return problem.startsWith('is ') ? `${JSON.stringify(name)} ${problem}` : `${name}.${problem}`;
  }
  return undefined;
}

function strings(value: unknown): string | undefined {
  return Array.isArray(value) && value.every((item) => typeof item === 'string')
    ? undefined
    : 'is not a list of strings';
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? undefined : 'is not a string';
}
