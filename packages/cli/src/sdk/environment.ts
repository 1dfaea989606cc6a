import { release, tmpdir, userInfo } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import type { ProxyOptions } from '@mabuild/registry';

/** What the SDK takes from the machine that it runs on; every part can be given instead. */
export interface Environment {
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly workingDirectory: string;
  readonly homeDirectory: string;
  /** `process.platform`. */
  readonly operatingSystem: string;
  /** `process.arch`. */
  readonly architecture: string;
  /** `os.release()`: tells an engine in a virtual machine from one that shares this kernel. */
  readonly kernelRelease: string;
  /** What was exported and compressed once is remembered here. @default `$XDG_CACHE_HOME/mabuild` */
  readonly cacheDirectory: string;
  /** Folder for what lives as long as one call. */
  readonly temporaryDirectory: string;
}

/** The environment of this process, with the given parts replaced. */
export function environmentOf(given: Partial<Environment> = {}): Environment {
  const variables = given.variables ?? process.env;
  const homeDirectory = given.homeDirectory ?? (variables.HOME || variables.USERPROFILE || homeOfUser());
  const workingDirectory = given.workingDirectory ?? process.cwd();
  return {
    variables,
    workingDirectory,
    homeDirectory,
    operatingSystem: given.operatingSystem ?? process.platform,
    architecture: given.architecture ?? process.arch,
    kernelRelease: given.kernelRelease ?? release(),
    // A sandbox's helper, and what it starts, have other working directories.
    cacheDirectory: resolve(
      workingDirectory,
      given.cacheDirectory ?? cacheDirectory(variables, homeDirectory),
    ),
    temporaryDirectory: resolve(workingDirectory, given.temporaryDirectory ?? tmpdir()),
  };
}

/** As the system's list of users has it; one that is not listed, as in `docker run --user 1234`, has the root, as Docker says to its programs. */
function homeOfUser(): string {
  try {
    return userInfo().homedir;
  } catch {
    return '/';
  }
}

function cacheDirectory(
  variables: Readonly<Record<string, string | undefined>>,
  homeDirectory: string,
): string {
  if (variables.MABUILD_CACHE) return variables.MABUILD_CACHE;
  const { XDG_CACHE_HOME: caches = '' } = variables;
  // One that is not absolute is to be ignored: XDG Base Directory Specification.
  if (isAbsolute(caches)) return join(caches, 'mabuild');
  if (variables.LOCALAPPDATA) return join(variables.LOCALAPPDATA, 'mabuild');
  return join(homeDirectory, '.cache', 'mabuild');
}

/** Where what V8 makes of the program's own code is kept. */
export function codeDirectory(
  { cacheDirectory }: Pick<Environment, 'cacheDirectory'> = environmentOf(),
): string {
  return join(cacheDirectory, 'code');
}

/** The proxies of `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`, which count more than their spellings in lower case. */
export function proxiesOf({ variables }: Pick<Environment, 'variables'>): ProxyOptions {
  const either = (name: string): string | undefined => variables[name] || variables[name.toLowerCase()];
  return { http: either('HTTP_PROXY'), https: either('HTTPS_PROXY'), noProxy: either('NO_PROXY') };
}

/** Docker's configuration folder: `DOCKER_CONFIG`, else `~/.docker`. */
export function dockerConfigDirectory(environment: Pick<Environment, 'variables' | 'homeDirectory'>): string {
  return environment.variables.DOCKER_CONFIG ?? join(environment.homeDirectory, '.docker');
}
