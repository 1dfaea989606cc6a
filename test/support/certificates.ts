import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** PEM texts. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

/** A certificate authority that lives as long as one test file. */
export interface Authority {
  /** Its own certificate. */
  readonly ca: string;
  /** A certificate for these names, e.g. `DNS:registry.test` or `IP:127.0.0.1`. */
  issue(...names: readonly string[]): KeyPair;
  /** The key with a passphrase on it. */
  locked(pair: KeyPair): string;
  /** The same in RFC 1421's form, `Proc-Type: 4,ENCRYPTED`. */
  lockedAsPem(pair: KeyPair): string;
  close(): void;
}

/** Makes a certificate authority by the openssl command. */
export function makeAuthority(commonName = 'mabuild tests'): Authority {
  const directory = mkdtempSync(join(tmpdir(), 'mabuild-ca-'));
  const path = (name: string): string => join(directory, name);
  const read = (name: string): string => readFileSync(path(name), 'utf8');
  const run = (args: readonly string[], input?: string): string =>
    execFileSync('openssl', args, { input, encoding: 'utf8', stdio: ['pipe', 'pipe', 'ignore'] });
  const request = (subject: string, name: string): readonly string[] => [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
    ...['-subj', `/CN=${subject}`, '-keyout', path(`${name}.key`), '-out', path(`${name}.pem`)],
  ];
  run([...request(commonName, 'ca'), '-addext', 'basicConstraints=critical,CA:TRUE']);
  let issued = 0;
  return {
    ca: read('ca.pem'),
    issue(...names) {
      issued += 1;
      const name = `issued-${issued}`;
      run([
        ...request(name, name),
        ...['-CA', path('ca.pem'), '-CAkey', path('ca.key'), '-addext', 'basicConstraints=critical,CA:FALSE'],
        ...(names.length === 0 ? [] : ['-addext', `subjectAltName=${names.join(',')}`]),
      ]);
      return { cert: read(`${name}.pem`), key: read(`${name}.key`) };
    },
    lockedAsPem: ({ key }) => run(['ec', '-aes256', '-passout', 'pass:secret'], key),
    locked: ({ key }) => run(['pkcs8', '-topk8', '-passout', 'pass:secret'], key),
    close: () => rmSync(directory, { recursive: true, force: true }),
  };
}
