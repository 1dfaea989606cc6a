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

export interface Verdict {
  readonly ok: boolean;
  readonly problems: readonly VerifyProblem[];
  readonly notes: readonly VerifyNote[];
  /** A problem might vanish if the base's layers were read as well. */
  readonly needsBase: boolean;
}
