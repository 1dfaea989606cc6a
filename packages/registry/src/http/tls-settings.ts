import { X509Certificate } from 'node:crypto';
import tls, { createSecureContext, rootCertificates, type SecureContext } from 'node:tls';
import { MabuildError } from '@mabuild/oci';
import { registryName } from './host-name.ts';

/** How TLS is spoken with one host: PEM texts. */
export interface TlsOptions {
  /** Certificates to trust besides those that Node.js trusts. */
  readonly ca?: string | readonly string[] | undefined;
  /** The client's certificate, when the host asks for one. */
  readonly cert?: string | undefined;
  /** The key of `cert`. */
  readonly key?: string | undefined;
}

/** Where certificates of hosts come from. */
export interface CertificateSource {
  /**
   * Asked once for every host, when it is first talked to over TLS.
   * @param host `HOST` or `HOST:PORT`, as references spell it, e.g. `docker.io`.
   */
  certificatesFor(host: string): Promise<TlsOptions | undefined>;
  /** What the machine trusts besides; asked when nobody trusted so far vouches for a host. */
  moreAuthorities?(): Promise<readonly string[]>;
}

/** TLS settings as connections take them. */
export interface HostTls {
  readonly secureContext: SecureContext;
  /** Whether the certificate of the other side is checked. */
  readonly rejectUnauthorized: boolean;
}

/** TLS settings of hosts (`host[:port]`, as URLs spell it), made when they are asked for. */
export interface TlsSettings {
  /** `undefined`: as Node.js does it. */
  of(host: string): Promise<HostTls | undefined>;
  /** Trusts what the machine trusts for a host that nobody vouched for. @returns `false` when that is nothing. */
  trustMore(host: string): Promise<boolean>;
}

export interface TlsSettingsOptions {
  /** Hosts whose certificate is not checked. */
  readonly insecure: ReadonlySet<string>;
  readonly given: ReadonlyMap<string, TlsOptions>;
  readonly certificates?: CertificateSource | undefined;
}

export function createTlsSettings({ insecure, given, certificates }: TlsSettingsOptions): TlsSettings {
  const found = new Map<string, Promise<TlsOptions | undefined>>();
  const made = new Map<string, Promise<HostTls | undefined>>();
  const trusting = new Map<string, Promise<boolean>>();

  const find = async (host: string): Promise<TlsOptions | undefined> =>
    mergeTls(given.get(host), await certificates?.certificatesFor(registryName(host)));
  const make = async (host: string, more: readonly string[]): Promise<HostTls | undefined> => {
    const options = await remembered(found, host, () => find(host));
    const isInsecure = insecure.has(host);
    return options !== undefined || isInsecure || more.length > 0
      ? hostTls(registryName(host), options ?? {}, { insecure: isInsecure, more })
      : undefined;
  };
  return {
    of: (host) => remembered(made, host, () => make(host, [])),
    trustMore: (host) =>
      remembered(trusting, host, async () => {
        const more = (await certificates?.moreAuthorities?.()) ?? [];
        if (more.length > 0) {
          made.set(host, make(host, more));
        }
        return more.length > 0;
      }),
  };
}

function remembered<T>(known: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> {
  const value = known.get(key) ?? make();
  known.set(key, value);
  return value;
}

/** Certificates of both are trusted; the client's certificate is that of the first that has one. */
function mergeTls(...settings: readonly (TlsOptions | undefined)[]): TlsOptions | undefined {
  const given = settings.filter((options) => options !== undefined);
  const client = given.find(({ cert, key }) => cert !== undefined || key !== undefined);
  return given.length === 0
    ? undefined
    : { ca: given.flatMap(({ ca }) => ca ?? []), cert: client?.cert, key: client?.key };
}

/** @throws MabuildError `CERTIFICATES_INVALID`, which never quotes a key. */
function hostTls(
  host: string,
  options: TlsOptions,
  { insecure, more }: { readonly insecure: boolean; readonly more: readonly string[] },
): HostTls {
  const { cert, key } = options;
  if ((cert === undefined) !== (key === undefined)) {
    throw invalid(
      host,
      cert === undefined ? 'there is a key and no certificate for it' : 'the client certificate has no key',
      'give both: cert and key in the configuration, or NAME.cert and NAME.key in certs.d',
    );
  }
  const ca = [options.ca ?? []].flat();
  for (const text of ca) {
    checkCertificates(host, text, 'a certificate authority');
  }
  if (cert !== undefined) {
    checkCertificates(host, cert, 'the client certificate');
  }
  try {
    return {
      secureContext: createSecureContext({
        ...(ca.length + more.length > 0 && { ca: [...defaultAuthorities(), ...ca, ...more] }),
        ...(cert !== undefined && key !== undefined && { cert, key }),
      }),
      rejectUnauthorized: !insecure,
    };
  } catch (error) {
    throw invalid(
      host,
      keyProblem(error, key),
      'give the key that belongs to the certificate, as PEM without a passphrase',
    );
  }
}

/** What Node.js trusts by itself; newer ones know what else they were told to. */
function defaultAuthorities(): readonly string[] {
  const { getCACertificates } = tls as { getCACertificates?: (kind: 'default') => readonly string[] };
  return getCACertificates?.('default') ?? rootCertificates;
}

function checkCertificates(host: string, text: string, what: string): void {
  const blocks = text.match(
    /-----BEGIN (?:TRUSTED )?CERTIFICATE-----[^-]*-----END (?:TRUSTED )?CERTIFICATE-----/g,
  );
  const hint = 'certificates are PEM texts: -----BEGIN CERTIFICATE-----';
  if (blocks === null) {
    throw invalid(host, `${what} holds no certificate`, hint);
  }
  for (const block of blocks) {
    try {
      new X509Certificate(block);
    } catch {
      throw invalid(host, `${what} cannot be read`, hint);
    }
  }
}

function keyProblem(error: unknown, key = ''): string {
  if ((error as { code?: string }).code === 'ERR_OSSL_X509_KEY_VALUES_MISMATCH') {
    return 'the client certificate and its key do not belong together';
  }
  return ENCRYPTED_KEY.test(key)
    ? 'the key of the client certificate is protected by a passphrase'
    : 'the key of the client certificate cannot be read';
}

/** RFC 7468, section 11, and RFC 1421; asked of the text, since about 1 in 256 keys decrypts to nonsense without an error that says so. */
const ENCRYPTED_KEY = /^-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: *4, *ENCRYPTED/m;

function invalid(host: string, problem: string, hint: string): MabuildError {
  return new MabuildError(`setting up TLS for ${host}: ${problem}`, { code: 'CERTIFICATES_INVALID', hint });
}
