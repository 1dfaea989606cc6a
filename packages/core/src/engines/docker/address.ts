/** Certificates for an engine behind TLS, PEM. */
export interface TlsMaterial {
  readonly ca?: Uint8Array | undefined;
  readonly cert?: Uint8Array | undefined;
  readonly key?: Uint8Array | undefined;
  /** `false` takes any certificate, as `docker --tls` without `--tlsverify` does. @default true */
  readonly verify?: boolean | undefined;
}

/** Where an engine listens. */
export type EngineAddress =
  /** A unix socket or a Windows named pipe (`\\.\pipe\docker_engine`). */
  | { readonly kind: 'socket'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number; readonly tls?: TlsMaterial };
