import { lstat, readdir, readlink, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { BuildFailedError, nearestName } from '@mabuild/core';
import type { Environment } from '../environment.ts';

/** Where COPY and ADD look. */
export interface SourceSite {
  /** The context as the user named it. */
  readonly spec: string;
  /** Its files. */
  readonly directory: string;
  /** The Dockerfile as the user named it. */
  readonly dockerfile: string;
  readonly environment: Pick<Environment, 'workingDirectory'>;
}

/** What each builder says of a source that is not there. */
const missing = [
  /"(\/[^"]*)":? not found/,
  /\bstat ([^:]+): (?:file does not exist|no such file)/,
  /lstat \S*?\/(?:buildkit-mount\d+|merged)(\/[^:]+): no such file/,
  /forbidden path outside the build context: (\S+)/,
];

/** The same error, and why the file is not found and what to do, where it is COPY or ADD that finds nothing. */
export async function withSourceHint(error: unknown, site: SourceSite): Promise<unknown> {
  if (!(error instanceof BuildFailedError) || error.hint !== undefined) return error;
  const step = error.location?.lineText ?? error.step ?? '';
  const found = missing.map((pattern) => pattern.exec(error.reason)?.[1]).find((path) => path !== undefined);
  if (found === undefined || !/\b(?:COPY|ADD)\b/i.test(`${error.step} ${step}`)) return error;
  const hint = await hintFor(found.replace(/^\/+/, ''), `${error.step ?? ''} ${step}`, site).catch(
    () => undefined,
  );
  if (hint === undefined) return error;
  const { platform, location, exitCode, reason, output } = error;
  return new BuildFailedError({
    ...{ platform, step: error.step, location, exitCode, reason, output, hint, cause: error.cause },
  });
}

async function hintFor(path: string, step: string, site: SourceSite): Promise<string | undefined> {
  const { directory, spec, dockerfile } = site;
  const { workingDirectory } = site.environment;
  const from = /--from=(\S+)/.exec(step)?.[1];
  if (from !== undefined) return `${from} has no such file at its end: is it made there, and at that path?`;
  if (resolve(workingDirectory, spec) !== directory) return 'paths begin at the top of the context';
  const context = spec === '.' ? 'the current folder' : spec;
  if (/(?:^|\s)\.\.\//.test(step))
    return `COPY reads inside of the context only, and that is ${context}: name a folder above as context, e.g. mabuild build -f ${dockerfile} ${join(spec, '..')}`;
  const at = join(directory, path);
  const there = await lstat(at).catch(() => undefined);
  if (there?.isSymbolicLink() && (await stat(at).catch(() => undefined)) === undefined)
    return `it is a link to ${await readlink(at)}, which is not there; a link leads to something only inside of the context`;
  if (there && !there.isFile() && !there.isDirectory() && !there.isSymbolicLink())
    return 'it is a socket, a pipe or a device: a context has files, folders and links';
  if (there) {
    const own = `${resolve(workingDirectory, dockerfile)}.dockerignore`;
    const isOwn = (await stat(own).catch(() => undefined)) !== undefined;
    return `the file is there, but ${isOwn ? relative(workingDirectory, own) : join(spec, '.dockerignore')} leaves it out: take the line away that does, or add !${path}`;
  }
  const siblings = await readdir(dirname(at)).catch(() => []);
  const near = nearestName(basename(path), siblings);
  if (near !== undefined) return `did you mean ${join(dirname(path), near)}?`;
  const elsewhere = resolve(workingDirectory, path);
  if (workingDirectory !== directory && (await stat(elsewhere).catch(() => undefined)))
    return `it lies in the current folder, but the context is ${context}: mabuild build -f ${dockerfile} .`;
  if (
    new RegExp(`\\s/${escaped(path)}(?:\\s|$)`).test(step) &&
    (await stat(`/${path}`).catch(() => undefined))
  )
    return `a path of COPY begins at the context, ${context}, also with a slash in front: put the file there first`;
  return `paths begin at the context, which is ${context}: there is no such file in it`;
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
