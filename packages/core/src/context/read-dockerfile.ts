import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { MabuildError } from '@mabuild/oci';
import { nearestName } from '../dockerfile/spelling.ts';

/** Where a Dockerfile was looked for, as far as it helps to find it. */
export interface DockerfileSearch {
  /** The context's folder on this machine. */
  readonly directory: string;
  /** The same as the user named it. */
  readonly spec: string;
  /** What `-f` says. */
  readonly given: string | undefined;
}

/** How many files a hint names. */
const mostNamed = 3;

/**
 * Reads a Dockerfile.
 * @param name as the user knows it
 * @throws MabuildError `DOCKERFILE_NOT_FOUND`, `FILE_NOT_TEXT`
 */
export async function readDockerfile(file: string, name: string, search?: DockerfileSearch): Promise<string> {
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (error) {
    throw await dockerfileNotFound(name, error, search && { ...search, file });
  }
  return dockerfileText(bytes, name);
}

/** Decodes a Dockerfile, which is UTF-8. @throws MabuildError `FILE_NOT_TEXT` */
export function dockerfileText(bytes: Buffer, name: string): string {
  const isUtf16 = /^(?:fffe|feff)/.test(bytes.subarray(0, 2).toString('hex'));
  if (!isUtf16 && !bytes.includes(0)) return bytes.toString('utf8');
  throw new MabuildError(`${name} ${isUtf16 ? 'is UTF-16, and a Dockerfile is UTF-8' : 'is no text'}`, {
    code: 'FILE_NOT_TEXT',
    hint: isUtf16 ? `save it as UTF-8, e.g. iconv -f UTF-16 -t UTF-8 ${name}` : 'name another file with -f',
  });
}

export async function dockerfileNotFound(
  name: string,
  cause: unknown,
  search?: DockerfileSearch & { readonly file: string },
): Promise<MabuildError> {
  const { code, message } = (cause ?? { code: 'ENOENT' }) as NodeJS.ErrnoException;
  const problem =
    code === 'ENOENT' ? 'there is no such file' : code === 'EISDIR' ? 'it is a folder' : message;
  const hint =
    code === 'EISDIR'
      ? `name a file with -f, e.g. -f ${join(name, 'Dockerfile')}`
      : code === 'EACCES' || code === 'EPERM'
        ? 'change its permissions: this user may not read it'
        : search && (await otherDockerfile(search));
  return new MabuildError(`reading ${name}: ${problem}`, {
    code: 'DOCKERFILE_NOT_FOUND',
    hint: hint ?? 'name it with -f, or the folder that holds it as context',
    cause,
  });
}

/** Says which file may be meant. */
async function otherDockerfile({
  directory,
  spec,
  given,
  file,
}: DockerfileSearch & { readonly file: string }): Promise<string | undefined> {
  if (given !== undefined) {
    const inContext = join(directory, given);
    if (inContext !== file && (await isFile(inContext)))
      return `-f is looked for from the current folder, not in the context: -f ${join(spec, given)}`;
    const near = nearestName(basename(given), await namesIn(dirname(file)));
    return near === undefined ? undefined : `did you mean -f ${join(dirname(given), near)}?`;
  }
  const found = (await namesIn(directory)).filter(isDockerfileName);
  for (const folder of ['docker', '.docker', 'build', '.devcontainer'])
    if (await isFile(join(directory, folder, 'Dockerfile'))) found.push(join(folder, 'Dockerfile'));
  if (found.length === 0) return undefined;
  const [first = '', ...others] = found.map((name) => join(spec, name)).slice(0, mostNamed);
  const more =
    others.length === 0 ? '' : `; there ${others.length === 1 ? 'is' : 'are'} ${others.join(' and ')}, too`;
  return `name it: -f ${first}${more}`;
}

function isDockerfileName(name: string): boolean {
  return (
    /^(?:dockerfile|containerfile)(?:[._-].+)?$|.\.(?:dockerfile|containerfile)$/i.test(name) &&
    !/ignore$/i.test(name)
  );
}

async function namesIn(folder: string): Promise<readonly string[]> {
  return (await readdir(folder).catch(() => [])).sort();
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}
