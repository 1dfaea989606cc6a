/** How long the client waits for a registry; milliseconds. */
export interface TimeoutOptions {
  /** For a connection, with TLS and through a proxy. @default 20000 */
  readonly connect?: number | undefined;
  /** For a small answer as a whole, and for the next bytes of a body. @default 120000 */
  readonly silence?: number | undefined;
  /** For the answer to an upload after its last byte. @default 600000 */
  readonly storing?: number | undefined;
}

export interface Timeouts {
  readonly connect: number;
  readonly silence: number;
  readonly storing: number;
}

export function timeoutsOf(options: TimeoutOptions = {}): Timeouts {
  return {
    connect: options.connect ?? 20_000,
    silence: options.silence ?? 120_000,
    storing: options.storing ?? 600_000,
  };
}
