import { MabuildError } from '@mabuild/oci';

/** A connection failed: nothing is known of what the other side did. */
export class ConnectionFault extends Error {
  override readonly name: string = 'ConnectionFault';
  /** e.g. `ECONNRESET`; with `PROXY_` before it when it is the proxy that failed, or refused (`PROXY_407`). */
  readonly code: string;
  /** The connection had served before and was cut before it answered: the other side had most likely given it up. */
  readonly stale: boolean;

  constructor(code: string, { stale = false }: { readonly stale?: boolean } = {}) {
    super(code);
    this.code = code;
    this.stale = stale;
  }
}

/** Messages of HTTP libraries may hold the address with its query, so only the code is kept. */
export function asFault(error: unknown, { reused = false }: { readonly reused?: boolean } = {}): Error {
  if (error instanceof ConnectionFault || error instanceof MabuildError) {
    return error;
  }
  const { code, type } = error as { code?: unknown; type?: unknown };
  const text = typeof code === 'string' ? code : typeof type === 'string' ? type : 'CONNECTION_LOST';
  return new ConnectionFault(text, { stale: reused && /^(ECONNRESET|EPIPE)$/.test(text) });
}

/** Tells whether another try will not mend a fault. */
export function isLastingFault(code: string): boolean {
  const proxied = /^PROXY_(\d+)$/.exec(code)?.[1];
  if (proxied !== undefined) {
    return Number(proxied) < 500 && proxied !== '408' && proxied !== '429';
  }
  return (
    isTlsRefusal(code) ||
    /^(PROXY_)?(ENOTFOUND|EPROTO)$/.test(code) ||
    code === 'BODY_CUT_SHORT' ||
    /ERR_INVALID|HPE_/.test(code)
  );
}

/** Tells whether a fault says that the other side does not speak TLS. */
export function speaksNoTls(code: string): boolean {
  return /^(EPROTO|HPE_.*|ERR_SSL_.*)$/.test(code) && !isTlsAlert(code);
}

/** Tells whether a fault says that the other side speaks TLS, and that one side does not like the other. */
export function refusesTls(code: string): boolean {
  return isTlsRefusal(code) && !speaksNoTls(code);
}

/** What a fault is, for people. @param proxy the proxy on the way, as `http://HOST:PORT`. */
export function faultWords(code: string, proxy?: string): string {
  const [, ofProxy] = /^PROXY_(.*)$/.exec(code) ?? [];
  if (ofProxy !== undefined) {
    const whom = `the proxy ${proxy ?? ''}`.trim();
    return /^\d+$/.test(ofProxy)
      ? `${whom} answered ${ofProxy} instead of connecting`
      : `${whom} is not there: ${faultWords(ofProxy)}`;
  }
  switch (code) {
    case 'ECONNREFUSED':
      return 'the connection was refused (ECONNREFUSED)';
    case 'ECONNRESET':
    case 'EPIPE':
    case 'CONNECTION_LOST':
      return `the connection was cut (${code})`;
    case 'ENOTFOUND':
      return 'there is no such host (ENOTFOUND)';
    case 'EAI_AGAIN':
      return 'the host name could not be looked up (EAI_AGAIN)';
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return `there is no way to it (${code})`;
    case 'ETIMEDOUT':
      return 'it did not answer in time (ETIMEDOUT)';
    case 'CERT_HAS_EXPIRED':
      return 'its certificate has expired (CERT_HAS_EXPIRED)';
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return `its certificate is for another name (${code})`;
    default:
      if (isUntrusted(code)) {
        return `nobody trusted here vouches for its certificate (${code})`;
      }
      return isTlsAlert(code) ? `it refused the TLS connection (${code})` : code;
  }
}

/** What to do about a fault. @param host as references spell it. */
export function faultHint(code: string, host: string): string {
  if (/^PROXY_407$/.test(code)) {
    return 'give the user and password of the proxy in its address: http://USER:PASSWORD@HOST:PORT';
  }
  if (code.startsWith('PROXY_')) {
    return `check the proxy's address, or name ${host} in NO_PROXY`;
  }
  if (isTlsAlert(code)) {
    return `${host} may ask for a client certificate: give cert and key in the configuration, or put them into certs.d`;
  }
  if (code === 'CERT_HAS_EXPIRED' || code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return `${host} needs another certificate; marked as insecure, it is not checked`;
  }
  if (refusesTls(code)) {
    return `give the certificate authority of ${host} in the configuration, registries: { "${host}": { ca: FILE } }, or as ~/.docker/certs.d/${host}/ca.crt; insecure: true in place of ca trusts any certificate`;
  }
  if (speaksNoTls(code)) {
    return `${host} does not speak TLS; if it is meant to be plain http, mark it as insecure in the configuration: registries: { "${host}": { insecure: true } }`;
  }
  if (/(?:^|\.)docker\.io$/.test(host)) {
    return 'check that this machine reaches the internet, or read through a mirror: --mirror docker.io=URL';
  }
  return `check that ${host} is spelt right, running and reachable from here`;
}

/** Tells whether nobody who is trusted vouches for a certificate. */
export function isUntrusted(code: string): boolean {
  return /^UNABLE_TO_|SELF_SIGNED|^CERT_UNTRUSTED$/.test(code);
}

function isTlsAlert(code: string): boolean {
  return /ALERT|CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE/.test(code);
}

function isTlsRefusal(code: string): boolean {
  return isUntrusted(code) || /CERT|ERR_TLS|ERR_SSL/.test(code);
}
