/** A limit of a process, as setrlimit(2) has it. */
export interface Ulimit {
  /** `nofile`, `nproc`, … */
  readonly name: UlimitName;
  /** -1 is none. */
  readonly soft: number;
  readonly hard: number;
}

/** What RUN's containers get besides files. */
export interface RunSettings {
  /** For /etc/hosts; the address `host-gateway` is this machine. */
  readonly hosts: readonly { readonly name: string; readonly address: string }[];
  /** Of /dev/shm, bytes. @default 64 MiB */
  readonly shmSize: number | undefined;
  readonly ulimits: readonly Ulimit[];
}

/** The limits that docker knows, and their numbers: Linux, `include/uapi/asm-generic/resource.h`. */
export const ulimitNumbers = {
  cpu: 0,
  fsize: 1,
  data: 2,
  stack: 3,
  core: 4,
  rss: 5,
  nproc: 6,
  nofile: 7,
  memlock: 8,
  locks: 10,
  sigpending: 11,
  msgqueue: 12,
  nice: 13,
  rtprio: 14,
  rttime: 15,
} as const;

/** One of {@link ulimitNumbers}. */
export type UlimitName = keyof typeof ulimitNumbers;
