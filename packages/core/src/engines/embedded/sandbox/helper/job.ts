import type { LayerEntry } from '../../layers/entry.ts';
import type { ContainerCommand } from '../container/container-command.ts';
import type { Measured, ShelfTidy } from '../shelf/shelf-tidy.ts';

/** How a RUN is kept apart from the machine. */
export type SandboxKind =
  /** Namespaces in a user namespace of their own. */
  | 'user-namespace'
  /** Namespaces, started by root. */
  | 'namespaces'
  /** A changed root, started by root where the kernel allows no namespaces. */
  | 'chroot'
  /** A program that changes the paths of another's system calls, where the kernel allows nothing else. */
  | 'proot';

/** A layer that a job needs. */
export interface JobLayer {
  /** Names the layer and all that lie below it. */
  readonly id: string;
  /** What it is called by itself, where it may be the same over others; it is looked for there when it does not come. */
  readonly alone?: string | undefined;
  /** Digest of the uncompressed tar. */
  readonly diffId: string;
  /** Its blob comes on file descriptor 4; otherwise it is unpacked already, maybe over others. */
  readonly comes: boolean;
}

/** Something that RUN finds in its place. */
export type JobMount = { readonly target: string } & (
  | {
      readonly kind: 'bind';
      /** The layers that it takes from, or a tar that comes on file descriptor 4 after the layers. */
      readonly from: readonly JobLayer[] | 'tar';
      readonly path: string;
      readonly readOnly: boolean;
    }
  | {
      readonly kind: 'cache';
      /** Folder of the cache, named by its id. */
      readonly name: string;
      readonly from: readonly JobLayer[] | 'tar' | undefined;
      readonly path: string;
      readonly readOnly: boolean;
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
    }
  | { readonly kind: 'tmpfs'; readonly size: number | undefined }
  | {
      readonly kind: 'secret';
      /** base64 */
      readonly content: string;
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
    }
  | {
      readonly kind: 'ssh';
      /** Path of the agent's socket on this machine. */
      readonly socket: string;
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
    }
);

/** An emulator that the sandbox's own kernel table gets, or proot. */
export interface JobEmulator {
  /** Of the programs that it runs, as Go names it. */
  readonly architecture: string;
  readonly file: string;
}

/** What a helper is to do; it comes as a line of JSON on its stdin, which is then held open. */
export interface SandboxJob {
  /** Of this machine. */
  readonly architecture: string;
  readonly kind: SandboxKind;
  readonly fileSystem: 'overlay' | 'copy';
  /** The user namespace knows one user only. */
  readonly singleUser: boolean;
  /** Where the helper keeps everything; others cannot enter it. */
  readonly directory: string;
  /** How proot is started. */
  readonly proot: readonly string[];
  /** From the bottom. */
  readonly layers: readonly JobLayer[];
  readonly tidy?: ShelfTidy;
  readonly run?: {
    readonly command: ContainerCommand;
    readonly mounts: readonly JobMount[];
    readonly network: 'host' | 'none';
    readonly emulators: readonly JobEmulator[];
    /** Text of /etc/resolv.conf and /etc/hosts. */
    readonly files: { readonly resolv: string; readonly hosts: string };
    readonly hostname: string;
    /** Of /dev/shm, bytes. */
    readonly shmSize?: number | undefined;
    /** File that gets the contents of changed files one after the other. */
    readonly contents: string;
    /** Nobody asks what it changed. */
    readonly discards?: boolean | undefined;
  };
}

/** Said while a job is done: its command is to get a signal. */
export interface StopLine {
  /** As Linux numbers it. */
  readonly stop: number;
}

/** An entry with where its content begins in the file of contents. */
export interface JobEntry extends Omit<LayerEntry, 'open'> {
  readonly at?: number;
}

/** What a helper tells, one JSON text a line. */
export type JobMessage =
  | { readonly kind: 'note'; readonly text: string }
  /** The pipe of its standard input is open. */
  | { readonly kind: 'takes-input' }
  | { readonly kind: 'exited'; readonly code: number }
  | { readonly kind: 'not-started'; readonly purpose: string; readonly errno: number }
  | { readonly kind: 'changed'; readonly entries: readonly JobEntry[] }
  /** A layer that did not come is not the same over these, so that nothing above it was unpacked. */
  | { readonly kind: 'differs'; readonly id: string }
  | ({ readonly kind: 'measured' } & Measured)
  /** What the command wrote, base64. */
  | { readonly kind: 'output'; readonly stream: 'stdout' | 'stderr'; readonly data: string }
  /** With how many of the streams that came it took. */
  | { readonly kind: 'done'; readonly streams: number }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string; readonly hint?: string };
