import type { EngineAddress } from './address.ts';

/** An address's certificates, as `node:tls` takes them. */
export function tlsOptions(address: EngineAddress): {
  ca?: Buffer;
  cert?: Buffer;
  key?: Buffer;
  rejectUnauthorized: boolean;
} {
  const tls = address.kind === 'tcp' ? address.tls : undefined;
  return {
    ...(tls?.ca === undefined ? {} : { ca: Buffer.from(tls.ca) }),
    ...(tls?.cert === undefined ? {} : { cert: Buffer.from(tls.cert) }),
    ...(tls?.key === undefined ? {} : { key: Buffer.from(tls.key) }),
    rejectUnauthorized: tls?.verify !== false,
  };
}
