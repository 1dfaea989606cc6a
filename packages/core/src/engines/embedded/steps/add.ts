import { createReadStream } from 'node:fs';
import { posix } from 'node:path';
import type { Readable } from 'node:stream';
import { isGitUrl } from '../../../context/git-url.ts';
import type { Instruction } from '../../../dockerfile/model.ts';
import { copySource, prepareFolder } from '../copy/copy-tree.ts';
import { extractInto, openArchive } from '../copy/extract.ts';
import { CopyError } from '../copy/layer-draft.ts';
import { matchPaths } from '../copy/wildcards.ts';
import { resolvePath } from '../layers/tree.ts';
import { booleanFlag, type CopyWork, copyStep, putFiles, treeOfFile } from './copy.ts';
import { expand, type Step, type StepSite } from './step.ts';

export const add: Step = async (state, instruction, site) => {
  const flag = (name: string): string | undefined => {
    const value = instruction.flags.find((item) => item.name === name)?.value;
    return value === undefined ? undefined : expand(site, state, instruction, value);
  };
  const checksum = flag('checksum');
  const unpack = instruction.flags.some(({ name }) => name === 'unpack')
    ? booleanFlag(instruction, 'unpack')
    : undefined;
  return await copyStep(state, instruction, site, async (source, work) => {
    if (isRepository(source)) return await putRepository(source, instruction, site, work);
    if (/^https?:\/\//.test(source)) return await putDownload(source, { checksum, unpack }, site, work);
    if (checksum !== undefined)
      throw new CopyError("checksum can't be specified for non-HTTP(S) sources: it is for what a URL gives");
    await putLocal(source, unpack ?? true, site, work);
  });
};

/** As BuildKit tells: what may as well be a path of the context is one. */
function isRepository(source: string): boolean {
  return isGitUrl(source) && !source.startsWith('github.com/');
}

/** Copies what the context has, and unpacks archives. */
async function putLocal(source: string, unpack: boolean, site: StepSite, work: CopyWork): Promise<void> {
  if (!unpack || work.parents) return await putFiles(site.context, source, work);
  const tree = await site.context.tree();
  for (const path of matchPaths(tree, source)) {
    const entry = resolvePath(tree, path).node?.entry;
    const { open } = entry ?? {};
    if (entry?.type === 'file' && open && (await putArchive(open, site, work))) continue;
    copySource(work.draft, tree, path, work.destination, work.options);
  }
}

async function putArchive(
  open: () => Promise<Readable>,
  site: StepSite,
  { draft, destination, options }: CopyWork,
): Promise<boolean> {
  const { temporaryDirectory, signal } = site;
  const entries = await openArchive(open, { temporaryDirectory, signal });
  if (entries === undefined) return false;
  // An archive is unpacked into a folder, whatever the destination looks like.
  const folder = prepareFolder(draft, `${destination.replace(/\/+$/, '')}/`, {
    owner: options.owner,
    mode: undefined,
  });
  extractInto(draft, entries, folder, options.owner);
  return true;
}

interface DownloadRules {
  readonly checksum: string | undefined;
  readonly unpack: boolean | undefined;
}

async function putDownload(
  url: string,
  { checksum, unpack }: DownloadRules,
  site: StepSite,
  work: CopyWork,
): Promise<void> {
  const { file, size, digest, modified } = await site.download(url);
  if (checksum !== undefined && checksum !== digest)
    throw new CopyError(`digest mismatch ${digest}: ${checksum} was wanted of ${shownUrl(url)}`);
  const open = async () => createReadStream(file);
  if (unpack && (await putArchive(open, site, work))) return;
  const name = nameOf(url);
  const tree = treeOfFile(name, { mode: 0o600, mtime: modified, size, digest }, open);
  copySource(work.draft, tree, name, work.destination, work.options);
}

async function putRepository(
  url: string,
  instruction: Instruction,
  site: StepSite,
  work: CopyWork,
): Promise<void> {
  const keep = booleanFlag(instruction, 'keep-git-dir');
  await putFiles(await site.repository(url, keep), '.', work);
}

/** The name of a download, as BuildKit takes it from the URL. */
function nameOf(url: string): string {
  const path = URL.canParse(url) ? new URL(url).pathname : '';
  const name = posix.basename(decodeURIComponent(path));
  return name === '' || name === '.' || name === '..' ? '__unnamed__' : name;
}

/** A URL without credentials and query. */
function shownUrl(url: string): string {
  if (!URL.canParse(url)) return url;
  const { origin, pathname } = new URL(url);
  return origin + pathname;
}
