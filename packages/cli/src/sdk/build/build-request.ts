import type { Readable } from 'node:stream';
import type { Builder, Ulimit } from '@mabuild/core';
import type { Platform } from '@mabuild/oci';
import type { CacheFrom, CacheTo } from '../cache/cache-spec.ts';
import type { Output } from './output.ts';

/** Where a secret for `RUN --mount=type=secret` comes from. */
export type SecretSource =
  /** A file, read when a RUN wants it; relative to the working directory. */
  | { readonly file: string }
  /** A variable of the environment; empty when it is not set. */
  | { readonly env: string }
  | { readonly content: string | Uint8Array };

/** What to build and where it goes. */
export interface BuildRequest {
  /** A folder, a git URL, or `-` with `stdin`. @default '.' */
  readonly context?: string | undefined;
  /** What `-` means: the context's bytes, a tar or a Dockerfile, or with `file` the Dockerfile's. */
  readonly stdin?: Readable | undefined;
  /** Path of the Dockerfile, inside the context for `-` and git URLs; `-` for `stdin`. @default `Dockerfile` in the context */
  readonly file?: string | undefined;
  readonly tags?: readonly string[] | undefined;
  /** @default the configuration's, else linux/amd64, linux/arm64, linux/arm/v7 */
  readonly platforms?: readonly (string | Platform)[] | undefined;
  readonly buildArgs?: Readonly<Record<string, string>> | undefined;
  readonly target?: string | undefined;
  /** Name to a folder, or to `docker-image://NAME`: what FROM, COPY --from and mounts mean by that name. */
  readonly buildContexts?: Readonly<Record<string, string>> | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** By id, for `RUN --mount=type=secret`; no part of images, histories, caches or logs. */
  readonly secrets?: Readonly<Record<string, SecretSource>> | undefined;
  /** By id, for `RUN --mount=type=ssh`: an agent's socket, or files of keys without a passphrase; `[]` is `SSH_AUTH_SOCK`. */
  readonly ssh?: Readonly<Record<string, readonly string[]>> | undefined;
  readonly noCache?: boolean | undefined;
  /** Caches that are kept elsewhere, as `--cache-from` spells them; for BuildKit those in registries. */
  readonly cacheFrom?: readonly (string | CacheFrom)[] | undefined;
  /** Where the cache of this build is kept besides, as `--cache-to` spells it; for BuildKit `type=inline` alone. */
  readonly cacheTo?: readonly (string | CacheTo)[] | undefined;
  readonly pull?: boolean | undefined;
  /** For RUN: `default`, `host` or `none`. */
  readonly network?: string | undefined;
  /** Added to /etc/hosts of RUN; the address `host-gateway` is the builder's machine. */
  readonly addHosts?: readonly { readonly name: string; readonly address: string }[] | undefined;
  /** Of RUN's /dev/shm, bytes. @default 64 MiB */
  readonly shmSize?: number | undefined;
  /** Limits of RUN's processes. @default the builder's */
  readonly ulimits?: readonly Ulimit[] | undefined;
  /** @default 'auto' */
  readonly engine?: 'auto' | Builder | undefined;
  /** @default 'auto' */
  readonly emulation?: 'auto' | 'binfmt' | 'inject' | 'off' | undefined;
  /** Folder with static qemu programs. */
  readonly qemu?: string | undefined;
  /** Leave an injected emulator in the image. @default false */
  readonly keepEmulator?: boolean | undefined;
  /** @default 'index' */
  readonly baseStyle?: 'index' | 'namespace' | undefined;
  /** Make migrate's safe fixes for each platform before it is built; the file itself stays. @default false */
  readonly fix?: boolean | undefined;
  /** Check ELF headers against platforms before anything is published. @default true */
  readonly verify?: boolean | undefined;
  /** Platforms built side by side. @default 4 */
  readonly jobs?: number | undefined;
  /** @default load for the engine's own platform */
  readonly output?: Output | undefined;
  /** `auto`: a single platform is a plain manifest. @default 'auto' */
  readonly index?: 'auto' | 'always' | undefined;
  /** @default 'oci' */
  readonly indexType?: 'oci' | 'docker' | undefined;
  /** Annotations of the index. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  /** One tag per platform, `app:1-arm32v7`, and no index. @default false */
  readonly tagSuffix?: boolean | undefined;
}

/** What was built. */
export interface BuildResult {
  /** The first tag as it was given, or `undefined`. */
  readonly reference: string | undefined;
  /** Digest of what the tags point at: the index, or the only manifest. */
  readonly digest: string;
  /** Every reference that was written, with the digest behind it. */
  readonly references: readonly { readonly reference: string; readonly digest: string }[];
  readonly images: readonly BuildResultImage[];
}

export interface BuildResultImage {
  readonly platform: string;
  readonly digest: string;
  readonly engine: Builder;
  readonly strategy: 'native' | 'emulated' | 'cross';
  readonly seconds: number;
}
