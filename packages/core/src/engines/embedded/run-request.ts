import type { Platform } from '@mabuild/oci';
import type { Instruction } from '../../dockerfile/model.ts';
import type { RunSettings } from '../run-settings.ts';
import type { FileSource } from './file-source.ts';
import type { StoredLayer } from './layers/layer-scanner.ts';

/** One `--mount` of RUN: its fields, variables expanded, and what it takes its files from. */
export interface RunMount {
  /** Lower-case names; a field without a value is `''`. */
  readonly fields: Readonly<Record<string, string>>;
  /** Of `type=bind` and `type=cache`: the stage, image or context that `from` names. */
  readonly source: FileSource;
}

/** Everything that one RUN needs. */
export interface RunRequest {
  readonly instruction: Instruction;
  /** What the programs of the layers are for. */
  readonly platform: Platform;
  /** The file system to run in, from the bottom. */
  readonly layers: readonly StoredLayer[];
  /** What is executed, the shell included. */
  readonly command: readonly string[];
  /** The image's Env, and the ARGs over it. */
  readonly environment: Readonly<Record<string, string>>;
  /** Names in it that only the build gave, to say how the network is reached: what is made does not depend on them. */
  readonly proxies: readonly string[];
  /** As USER has it: name or number, and maybe a group; empty for root. */
  readonly user: string;
  /** Absolute. */
  readonly workingDirectory: string;
  /** `default`, `host` or `none`. */
  readonly network: string;
  /** What it gets besides files. */
  readonly settings?: RunSettings | undefined;
  readonly mounts: readonly RunMount[];
}
