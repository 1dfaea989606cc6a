import { basename } from 'node:path/posix';
import { Readable } from 'node:stream';
import { resolveSources } from '../../../dockerfile/base.ts';
import { readHeredocMark } from '../../../dockerfile/heredoc.ts';
import { contentOf } from '../../../dockerfile/heredoc-command.ts';
import type { Heredoc, Instruction, Stage } from '../../../dockerfile/model.ts';
import { expandWord } from '../../../dockerfile/words.ts';
import { parseChmod } from '../copy/chmod.ts';
import { type CopyOptions, copyParents, copySource } from '../copy/copy-tree.ts';
import { CopyError, LayerDraft } from '../copy/layer-draft.ts';
import { isPattern, matchPaths } from '../copy/wildcards.ts';
import type { FileSource } from '../file-source.ts';
import type { WrittenLayer } from '../layers/layer-writer.ts';
import { applyLayer, emptyTree, pathNames, type Tree } from '../layers/tree.ts';
import { type StageState, textIn, withHistory } from '../state.ts';
import { sourceFacts } from './source-facts.ts';
import { expand, ownerIn, type Step, type StepSite, stacked, stepFailed } from './step.ts';

/** What COPY and ADD have in common once their words are expanded. */
export interface CopyWork {
  readonly draft: LayerDraft;
  /** Absolute; a slash at its end says that it is a folder. */
  readonly destination: string;
  readonly options: CopyOptions;
  readonly parents: boolean;
}

/** Puts one source that is no heredoc into the layer. */
export type PutSource = (source: string, work: CopyWork) => Promise<void>;

export const copy: Step = async (state, instruction, site) => {
  const [from] = resolveSources(site.dockerfile, instruction);
  if (from?.base.kind === 'stage') refuseLater(from.base.stage, instruction, site);
  const source = from ? await site.source(from.base, instruction) : site.context;
  const put: PutSource = async (path, work) => putFiles(source, path, work);
  return await copyStep(state, instruction, site, put, (paths) => sourceFacts(source, paths, site));
};

/** A mount may take files from any stage; COPY takes them from those above its own. */
function refuseLater(stage: Stage, instruction: Instruction, site: StepSite): void {
  const own = site.dockerfile.stages.find(({ instructions }) => instructions.includes(instruction));
  if (!own || stage.index < own.index) return;
  const name = stage.name ?? String(stage.index);
  throw stepFailed(site, instruction, `cannot copy from stage "${name}": it stands below this one`);
}

/** Says what decides which files the sources give, where that is known without reading layers. */
export type FactsOfSources = (paths: readonly string[]) => Promise<readonly unknown[] | undefined>;

/** Builds the layer of a COPY or ADD. @param facts with them, a layer is found again without looking below it */
export async function copyStep(
  state: StageState,
  instruction: Instruction,
  site: StepSite,
  put: PutSource,
  facts: FactsOfSources = async () => undefined,
): Promise<StageState> {
  try {
    return await copyWith(state, instruction, site, put, facts);
  } catch (error) {
    if (!(error instanceof CopyError)) throw error;
    throw stepFailed(site, instruction, error.message, { cause: error });
  }
}

async function copyWith(
  state: StageState,
  instruction: Instruction,
  site: StepSite,
  put: PutSource,
  factsOf: FactsOfSources,
): Promise<StageState> {
  const flags = flagsOf(state, instruction, site);
  const words = instruction.args.map((raw) => ({
    raw,
    heredoc: instruction.json ? undefined : readHeredocMark(raw),
    text:
      instruction.json || readHeredocMark(raw) === undefined ? expand(site, state, instruction, raw) : raw,
  }));
  const wanted = words.pop()?.text ?? '';
  const isFolder = wanted === '' || wanted === '.' || wanted.endsWith('/');
  const folder = wanted.startsWith('/') ? '' : textIn(state.config, 'WorkingDir');
  const names = pathNames(`${folder}/${wanted}`);
  const destination = names.length === 0 ? '/' : `/${names.join('/')}${isFolder ? '/' : ''}`;
  const make = async (): Promise<WrittenLayer | undefined> => {
    const owner =
      flags.chown === undefined ? undefined : await ownerIn(site, state, instruction, flags.chown);
    // A linked layer knows nothing of what lies below it. BuildKit links nothing whose mode it changes.
    const draft = new LayerDraft(
      flags.link && flags.chmod === undefined ? emptyTree() : await state.tree(),
      site.now,
    );
    const mode = flags.chmod === undefined ? undefined : parseChmod(flags.chmod);
    const options: CopyOptions = { owner, mode, exclude: flags.exclude };
    const work: CopyWork = { draft, destination, options, parents: flags.parents };
    const heredocs = [...instruction.heredocs];
    for (const { heredoc, text } of words) {
      const body = heredoc && heredocs.shift();
      if (body) putHeredoc(body, state, site, work);
      else await put(text, work);
    }
    const entries = draft.entries();
    return entries.length === 0 ? undefined : await site.write(entries);
  };
  const paths = words.filter(({ heredoc }) => !heredoc).map(({ text }) => text);
  const sources = [...paths, ...words.flatMap(({ heredoc }) => (heredoc ? [`<<${heredoc.name}`] : []))];
  const shown = [instruction.keyword, ...flags.shown, ...sources, wanted].join(' ');
  const taken = instruction.heredocs.length > 0 || flags.parents ? undefined : await factsOf(paths);
  const below = state.layers.map(({ diffId }) => diffId);
  const facts = taken && ['COPY', below, { ...flags, shown: undefined }, destination, paths, taken];
  const layer = facts ? (await site.remembered(facts, make)).layer : await make();
  const createdBy = `${shown} # buildkit`;
  return layer ? stacked(state, layer, createdBy, site) : withHistory(state, createdBy);
}

/** Copies what a path, maybe a pattern, names in a tree. */
export async function putFiles(source: FileSource, path: string, work: CopyWork): Promise<void> {
  const tree = await source.tree();
  const { draft, destination, options } = work;
  if (work.parents) {
    if (!copyParents(draft, tree, path, destination, options) && !isPattern(path))
      throw new CopyError(`"/${pathNames(path).join('/')}": not found`);
    return;
  }
  for (const found of matchPaths(tree, path)) copySource(draft, tree, found, destination, options);
}

/** A tree that holds one file. */
export function treeOfFile(
  name: string,
  file: { readonly mode: number; readonly mtime: number; readonly size: number; readonly digest?: string },
  open: () => Promise<Readable>,
): Tree {
  return applyLayer(emptyTree(), [{ path: name, type: 'file', uid: 0, gid: 0, ...file, open }]);
}

function putHeredoc(heredoc: Heredoc, state: StageState, site: StepSite, work: CopyWork): void {
  const text = contentOf(heredoc);
  // Quotes are ordinary characters in a body, and the escape character is a backslash whatever the file says.
  const expanded = heredoc.expand ? expandWord(text, state.variables, { ignoreQuotes: true }).text : text;
  const bytes = Buffer.from(expanded);
  const name = basename(heredoc.name);
  const file = { mode: 0o644, mtime: site.now, size: bytes.length };
  const tree = treeOfFile(name, file, async () => Readable.from([bytes], { objectMode: false }));
  copySource(work.draft, tree, name, work.destination, work.options);
}

interface CopyFlags {
  readonly chown: string | undefined;
  readonly chmod: string | undefined;
  readonly link: boolean;
  readonly parents: boolean;
  readonly exclude: readonly string[];
  /** As the history has them. */
  readonly shown: readonly string[];
}

function flagsOf(state: StageState, instruction: Instruction, site: StepSite): CopyFlags {
  const given = (name: string): string | undefined => {
    const value = instruction.flags.find((flag) => flag.name === name)?.value;
    return value === undefined ? undefined : expand(site, state, instruction, value);
  };
  const chown = given('chown') || undefined;
  const chmod = given('chmod') || undefined;
  const link = booleanFlag(instruction, 'link');
  const parents = booleanFlag(instruction, 'parents');
  const exclude = instruction.flags.flatMap(({ name, value }) =>
    name === 'exclude' && value ? [value] : [],
  );
  const shown = [
    ...(parents ? ['--parents'] : []),
    ...(chown ? [`--chown=${chown}`] : []),
    ...(chmod ? [`--chmod=${chmod}`] : []),
  ];
  return { chown, chmod, link, parents, exclude, shown };
}

/** A flag that may stand alone. */
export function booleanFlag(instruction: Instruction, name: string): boolean {
  const flag = instruction.flags.find((item) => item.name === name);
  return flag !== undefined && flag.value?.toLowerCase() !== 'false';
}
