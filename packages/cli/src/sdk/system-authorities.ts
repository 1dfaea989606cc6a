import { readFile } from 'node:fs/promises';
import tls from 'node:tls';
import type { Environment } from './environment.ts';

/** Where systems keep the authorities that they trust, as Go programs look for them. */
const bundles = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/pki/tls/cacert.pem',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
  '/etc/ssl/cert.pem',
];

/**
 * The authorities that this machine trusts, such as the one of a company's proxy; Node.js brings a list of its own.
 *
 * `SSL_CERT_FILE` names another bundle.
 */
export async function systemAuthorities({
  variables,
}: Pick<Environment, 'variables'>): Promise<readonly string[]> {
  const given = variables.SSL_CERT_FILE;
  for (const file of given ? [given] : bundles) {
    const text = await readFile(file, 'utf8').catch(() => '');
    if (text.includes('-----BEGIN CERTIFICATE-----')) return [text];
  }
  // Newer Node.js can ask macOS and Windows, which have no such file.
  const { getCACertificates } = tls as { getCACertificates?: (kind: 'system') => readonly string[] };
  return getCACertificates?.('system') ?? [];
}
