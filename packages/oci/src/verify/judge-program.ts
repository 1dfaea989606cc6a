import type { ElfFacts } from '../elf/elf-facts.ts';
import { armVersion, armVersionOf, machineMismatch } from '../elf/machine.ts';
import type { Platform } from '../platform.ts';
import { baseName, configEnvironment, isEmulator, type Program } from './entry-programs.ts';
import type { ImageFiles } from './image-files.ts';
import { librarySearch } from './library-search.ts';
import { addNote, blame, type ElfImageFile, isOfBase, type Trial } from './trial.ts';

/** Judges a program that the image starts: its machine and float ABI, then its loader and libraries. */
export function judgeProgram(trial: Trial, files: ImageFiles, file: ElfImageFile, program: Program): void {
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
