import { machineMismatch } from '../elf/machine.ts';
import type { ImageFiles } from './image-files.ts';
import { type ElfImageFile, isOfBase, noteOf, type Trial } from './trial.ts';

/** Folders with foreign files that notes name one by one. */
const mostForeignNotes = 20;

/** One note a folder: a cross toolchain or an npm package brings hundreds of files. */
export function noteForeignFiles(trial: Trial, files: ImageFiles): void {
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
