import type { ElfFacts } from '../elf/elf.ts';
import {
  baseName,
  configEnvironment,
  entryPrograms,
  isEmulator,
  type Program,
} from '../elf/entry-programs.ts';
import { librarySearch } from '../elf/library-search.ts';
import { armVersion, armVersionOf, hasElfRules, machineMismatch } from '../elf/machine.ts';
import { configPlatform, type ImageConfig } from '../manifest.ts';
import { formatPlatform, normalizePlatform, type Platform } from '../platform.ts';
import { type ImageFile, type ImageFiles, imageFiles } from '../tar/image-files.ts';
import type { LayerFacts } from './layer-facts.ts';

/** What is wrong with an image. */
export interface VerifyProblem {
  readonly kind:
    | 'config-platform'
    | 'elf-machine'
    | 'elf-class'
    | 'elf-float-abi'
    | 'elf-cpu'
    | 'unverified'
    | 'missing-blob';
  /** The file in the image, without a leading slash. */
  readonly path?: string;
  /** Digest of the layer (or blob) that it is in. */
  readonly layer?: string;
  /** What is there, e.g. `x86-64`. */
  readonly found: string;
  /** What should be, e.g. `linux/arm64`. */
  readonly expected?: string;
  /** Why it matters, e.g. `ENTRYPOINT`. */
  readonly why?: string;
}

/** What is worth knowing about an image and no fault. */
export interface VerifyNote {
  readonly kind:
    | 'foreign-elf'
    | 'emulator'
    | 'elf-float-abi'
    | 'elf-cpu'
    | 'config-platform'
    | 'not-judged'
    | 'base-unknown';
  readonly path?: string;
  readonly layer?: string;
  readonly found: string;
  readonly why?: string;
  /** How many files the note stands for, when there are more than one. */
  readonly count?: number;
}

/** One image, as its manifest, config and layers describe it. */
export interface JudgedImage {
  /** What the index entry says; absent for an image outside of an index. */
  readonly platform?: Platform | undefined;
  readonly config: ImageConfig;
  readonly layers: readonly JudgedLayer[];
}

export interface JudgedLayer {
  readonly digest: string;
  /** Absent: the layer was not read. */
  readonly facts?: LayerFacts | undefined;
  /** The base's own: its programs are not judged, its files only looked up. @default false */
  readonly base?: boolean | undefined;
}

export interface Verdict {
  readonly ok: boolean;
  readonly problems: readonly VerifyProblem[];
  readonly notes: readonly VerifyNote[];
  /** A problem might vanish if the base's layers were read as well. */
  readonly needsBase: boolean;
}

/** Folders with foreign files that notes name one by one. */
const mostForeignNotes = 20;

/**
 * Judges whether an image is what it says: entry platform = config platform = ELF headers of what can run.
 *
 * What can run is what ENTRYPOINT, CMD and HEALTHCHECK name and what is executable on PATH, with interpreters, loaders
 * and needed libraries. Other files made for another machine are notes.
 */
export function judgeImage(image: JudgedImage): Verdict {
  const stated = configPlatform(image.config);
  const platform = normalizePlatform(image.platform ?? stated);
  const trial: Trial = {
    image,
    platform,
    problems: new Map(),
    notes: [],
    judged: new Set(),
    needsBase: false,
  };
  judgeConfig(trial, stated);
  for (const { digest, facts, base } of image.layers) {
    if (facts?.unreadable !== undefined && base !== true) {
      addProblem(trial, { kind: 'unverified', layer: digest, found: facts.unreadable });
    } else if (facts === undefined && base !== true) {
      addProblem(trial, { kind: 'unverified', layer: digest, found: 'the layer was not read' });
    }
  }
  const files = imageFiles(image.layers.map(({ facts }) => facts));
  if (platform.os === 'linux' && hasElfRules(platform)) {
    judgeFiles(trial, files);
  } else {
    trial.notes.push({
      kind: 'not-judged',
      found: formatPlatform(platform),
      why: 'its programs cannot be judged',
    });
    if (
      platform.os === 'linux' &&
      image.layers.some(({ facts, base }) => base !== true && facts?.elf.length !== 0)
    ) {
      addProblem(trial, { kind: 'unverified', found: `no rules for ${formatPlatform(platform)}` });
    }
  }
  const problems = [...trial.problems.values()];
  return { ok: problems.length === 0, problems, notes: trial.notes, needsBase: trial.needsBase };
}

/** A judgement under way. */
interface Trial {
  readonly image: JudgedImage;
  readonly platform: Platform;
  readonly problems: Map<string, VerifyProblem>;
  readonly notes: VerifyNote[];
  /** Paths of ELF files that were judged, or noted for what they are. */
  readonly judged: Set<string>;
  needsBase: boolean;
}

type ElfImageFile = ImageFile & { readonly kind: 'elf' };

function addProblem(trial: Trial, problem: VerifyProblem): void {
  const key = `${problem.kind} ${problem.path ?? ''} ${problem.layer ?? ''}`;
  if (!trial.problems.has(key)) {
    trial.problems.set(key, problem);
  }
}

function judgeConfig(trial: Trial, stated: Platform): void {
  const { platform: entry } = trial.image;
  if (entry === undefined) {
    return;
  }
  const [a, b] = [normalizePlatform(entry), normalizePlatform(stated)];
  const [expected, found] = [formatPlatform(a), formatPlatform(b)];
  if (expected === found) {
    return;
  }
  const onlyVariantMissing =
    a.os === b.os && a.architecture === b.architecture && stated.variant === undefined;
  if (onlyVariantMissing) {
    trial.notes.push({
      kind: 'config-platform',
      found: formatPlatform(stated),
      why: `the config names no variant`,
    });
  } else {
    addProblem(trial, { kind: 'config-platform', found, expected, why: 'the config contradicts the index' });
  }
}

function judgeFiles(trial: Trial, files: ImageFiles): void {
  for (const program of entryPrograms(trial.image.config, files)) {
    if (program.file.kind === 'elf' && !isOfBase(trial, program.file)) {
      judgeProgram(trial, files, program.file, program);
    }
  }
  noteForeignFiles(trial, files);
}

function judgeProgram(trial: Trial, files: ImageFiles, file: ElfImageFile, program: Program): void {
  if (trial.judged.has(file.path) || !canStart(file.file)) {
    return;
  }
  trial.judged.add(file.path);
  const mismatch = machineMismatch(file.file, trial.platform);
  if (mismatch !== undefined) {
    const { kind, found, tolerated } = mismatch;
    if (isEmulator(file.path)) {
      addNote(trial, 'emulator', file, found, program.why);
    } else if (tolerated === 'always' || (tolerated === 'sometimes' && !program.primary)) {
      addNote(trial, 'foreign-elf', file, found, program.why);
    } else {
      blame(trial, kind, file, found, program.why);
    }
    return;
  }
  judgeCpu(trial, file, program.why, true);
  if (!judgeFloatAbi(trial, files, file, program.why)) {
    // Whose libraries are of the other float ABI is then the program's fault, not theirs.
    return;
  }
  judgeLoader(trial, files, file);
  judgeLibraries(trial, files, file);
}

/** Object files, core dumps and BPF programs are no programs of the processor. */
function canStart(file: ElfFacts): boolean {
  return (file.type === 'executable' || file.type === 'dynamic') && file.machine !== 247;
}

/** @returns whether the program may run as far as its float ABI goes. */
function judgeFloatAbi(trial: Trial, files: ImageFiles, file: ElfImageFile, why: string): boolean {
  const { floatAbi, interpreter } = file.file;
  const expected = expectedFloatAbi(trial.platform);
  if (expected === undefined || floatAbi === undefined || floatAbi === expected) {
    return true;
  }
  const found = `${floatAbi}-float`;
  if (expected === 'soft') {
    blame(trial, 'elf-float-abi', file, found, why);
    return false;
  }
  // Soft-float code runs on every ARM, as long as it brings its own soft-float libraries.
  const loader = interpreter === undefined ? undefined : files.find(interpreter);
  const bringsItsOwn =
    interpreter === undefined ||
    (loader?.kind === 'elf' && loader.file.machine === 40 && loader.file.floatAbi !== 'hard');
  if (bringsItsOwn) {
    addNote(trial, 'elf-float-abi', file, found, why);
    return true;
  }
  trial.needsBase ||= loader === undefined && !files.complete;
  blame(trial, 'elf-float-abi', file, found, why);
  return false;
}

/** v5 has no floating point unit; what is called v6 and v7 uses one. */
function expectedFloatAbi(platform: Platform): 'hard' | 'soft' | undefined {
  const version = armVersion(platform);
  if (version === undefined) {
    return undefined;
  }
  return version <= 5 ? 'soft' : 'hard';
}

function judgeCpu(trial: Trial, file: ElfImageFile, why: string, certain: boolean): void {
  const { cpuArch } = file.file;
  const version = armVersion(trial.platform);
  const needed = cpuArch === undefined || file.file.machine !== 40 ? 0 : armVersionOf(cpuArch);
  if (version === undefined || needed <= version) {
    return;
  }
  if (certain) {
    blame(trial, 'elf-cpu', file, `ARMv${needed}`, why);
  } else {
    addNote(
      trial,
      'elf-cpu',
      file,
      `ARMv${needed}`,
      `${why}; it may choose its code by the processor it meets`,
    );
  }
}

function judgeLoader(trial: Trial, files: ImageFiles, file: ElfImageFile): void {
  const loader = file.file.interpreter === undefined ? undefined : files.find(file.file.interpreter);
  if (loader?.kind === 'elf') {
    judgeLibrary(trial, files, loader, file, `loader of /${file.path}`);
  }
}

function judgeLibraries(trial: Trial, files: ImageFiles, file: ElfImageFile): void {
  const environment = configEnvironment(trial.image.config);
  for (const name of file.file.needed ?? []) {
    const candidates = librarySearch(name, file, files, trial.platform, environment);
    const fitting = candidates.find((candidate) => fits(trial, file, candidate));
    const [chosen] = fitting === undefined ? candidates : [fitting];
    if (chosen !== undefined) {
      trial.needsBase ||= fitting === undefined && !files.complete;
      judgeLibrary(trial, files, chosen, file, `library of /${file.path}`);
    }
  }
}

/** The loader passes over libraries of another machine, and takes the next of that name. */
function fits(trial: Trial, program: ElfImageFile, library: ElfImageFile): boolean {
  return (
    machineMismatch(library.file, trial.platform) === undefined && !floatsDiffer(program.file, library.file)
  );
}

function floatsDiffer(a: ElfFacts, b: ElfFacts): boolean {
  return a.floatAbi !== undefined && b.floatAbi !== undefined && a.floatAbi !== b.floatAbi;
}

function judgeLibrary(
  trial: Trial,
  files: ImageFiles,
  library: ElfImageFile,
  of: ElfImageFile,
  why: string,
): void {
  if (trial.judged.has(library.path)) {
    return;
  }
  trial.judged.add(library.path);
  const mismatch = machineMismatch(library.file, trial.platform);
  if (mismatch !== undefined) {
    blame(trial, mismatch.kind, library, mismatch.found, why);
    return;
  }
  if (floatsDiffer(of.file, library.file)) {
    blame(trial, 'elf-float-abi', library, `${library.file.floatAbi}-float`, why);
    return;
  }
  if (!isOfBase(trial, library)) {
    judgeCpu(trial, library, why, alwaysRuns(library));
  }
  judgeLibraries(trial, files, library);
}

/** The loader and the C library run their code on every processor; other libraries may look before they leap. */
function alwaysRuns(library: ElfImageFile): boolean {
  return /^(?:ld-linux|ld-musl|libc[.-]|libm[.-]|libpthread)/.test(baseName(library.path));
}

/** One note a folder: a cross toolchain or an npm package brings hundreds of files. */
function noteForeignFiles(trial: Trial, files: ImageFiles): void {
  const folders = new Map<string, { readonly file: ElfImageFile; readonly found: string; count: number }>();
  for (const file of files.allElf()) {
    const mismatch =
      trial.judged.has(file.path) || isOfBase(trial, file) || file.file.machine === 247
        ? undefined
        : machineMismatch(file.file, trial.platform);
    if (mismatch === undefined) {
      continue;
    }
    const key = `${mismatch.found} ${file.layer} ${file.path.slice(0, file.path.lastIndexOf('/') + 1)}`;
    const known = folders.get(key);
    if (known === undefined) {
      folders.set(key, { file, found: mismatch.found, count: 1 });
    } else {
      known.count += 1;
    }
  }
  const all = [...folders.values()];
  for (const { file, found, count } of all.slice(0, mostForeignNotes)) {
    trial.notes.push({
      ...noteOf(trial, 'foreign-elf', file, found, 'nothing that starts by itself'),
      ...(count > 1 ? { count } : {}),
    });
  }
  const left = all.slice(mostForeignNotes).reduce((sum, { count }) => sum + count, 0);
  if (left > 0) {
    trial.notes.push({ kind: 'foreign-elf', found: 'other machines', why: 'in more folders', count: left });
  }
}

function isOfBase(trial: Trial, file: ImageFile): boolean {
  return trial.image.layers[file.layer]?.base === true;
}

function addNote(
  trial: Trial,
  kind: VerifyNote['kind'],
  file: ElfImageFile,
  found: string,
  why: string,
): void {
  trial.notes.push(noteOf(trial, kind, file, found, why));
}

function noteOf(
  trial: Trial,
  kind: VerifyNote['kind'],
  file: ElfImageFile,
  found: string,
  why: string,
): VerifyNote {
  const layer = trial.image.layers[file.layer]?.digest;
  return { kind, path: file.path, ...(layer === undefined ? {} : { layer }), found, why };
}

function blame(
  trial: Trial,
  kind: VerifyProblem['kind'],
  file: ElfImageFile,
  found: string,
  why: string,
): void {
  const layer = trial.image.layers[file.layer]?.digest;
  const expected = formatPlatform(trial.platform);
  addProblem(trial, {
    kind,
    path: file.path,
    ...(layer === undefined ? {} : { layer }),
    found,
    expected,
    why,
  });
}
