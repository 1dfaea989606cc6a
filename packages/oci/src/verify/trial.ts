import type { ImageConfig } from '../manifest.ts';
import { formatPlatform, type Platform } from '../platform.ts';
import type { ImageFile } from './image-files.ts';
import type { LayerFacts } from './layer-facts.ts';
import type { VerifyNote, VerifyProblem } from './verdict.ts';

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

/** A judgement under way. */
export interface Trial {
  readonly image: JudgedImage;
  readonly platform: Platform;
  readonly problems: Map<string, VerifyProblem>;
  readonly notes: VerifyNote[];
  /** Paths of ELF files that were judged, or noted for what they are. */
  readonly judged: Set<string>;
  needsBase: boolean;
}

export type ElfImageFile = ImageFile & { readonly kind: 'elf' };

/** One problem of a kind is enough for a file. */
export function addProblem(trial: Trial, problem: VerifyProblem): void {
  const key = `${problem.kind} ${problem.path ?? ''} ${problem.layer ?? ''}`;
  if (!trial.problems.has(key)) {
    trial.problems.set(key, problem);
  }
}

export function isOfBase(trial: Trial, file: ImageFile): boolean {
  return trial.image.layers[file.layer]?.base === true;
}

export function addNote(
  trial: Trial,
  kind: VerifyNote['kind'],
  file: ElfImageFile,
  found: string,
  why: string,
): void {
  trial.notes.push(noteOf(trial, kind, file, found, why));
}

export function noteOf(
  trial: Trial,
  kind: VerifyNote['kind'],
  file: ElfImageFile,
  found: string,
  why: string,
): VerifyNote {
  const layer = trial.image.layers[file.layer]?.digest;
  return { kind, path: file.path, ...(layer === undefined ? {} : { layer }), found, why };
}

export function blame(
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
