import type { Readable } from 'node:stream';
import type { Platform } from '@mabuild/oci';
import type { SdkOptions } from '../toolbox.ts';

export interface RunRequest {
  /** For the embedded engine also `oci:DIR[:TAG]`, `oci-archive:FILE[:TAG]`, `docker-archive:FILE`. */
  readonly reference: string;
  /** `auto` is the embedded engine where no Docker Engine answers, and for an image in a folder or file. @default 'auto' */
  readonly engine?: 'auto' | 'embedded' | undefined;
  /** @default the engine's host */
  readonly platform?: Platform | undefined;
  readonly command?: readonly string[] | undefined;
  readonly entrypoint?: readonly string[] | undefined;
  /** `HOST:CONTAINER`. */
  readonly ports?: readonly string[] | undefined;
  /** `HOST:CONTAINER[:ro]`. */
  readonly volumes?: readonly string[] | undefined;
  readonly environmentVariables?: Readonly<Record<string, string>> | undefined;
  /** `default`, `host` or `none`. */
  readonly network?: string | undefined;
  /** Folder with static qemu programs. */
  readonly qemu?: string | undefined;
}

export interface RunOptions extends SdkOptions {
  /** The program's standard input. @default none */
  readonly input?: Readable | undefined;
  readonly onOutput?: ((stream: 'stdout' | 'stderr', chunk: Uint8Array) => void) | undefined;
}
