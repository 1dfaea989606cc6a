import { type ImageReference, mediaTypes } from '@mabuild/oci';
import {
  createRegistryClient,
  type RegistryClient,
  type RegistryEvent,
  type RegistryOptions,
  type TlsOptions,
} from '@mabuild/registry';
import { startTestRegistry, type TestRegistry, type TestRegistryOptions } from '@mabuild/registry/testing';
import { expect } from 'chai';
import { type Authority, makeAuthority } from '../support/certificates.ts';
import { closedAfterEach } from '../support/closed-after-each.ts';
import { startConnectProxy } from '../support/connect-proxy.ts';
import { makeIndex, pushImage } from '../support/image.ts';
import { rejection } from '../support/rejection.ts';

describe('registry over TLS', () => {
  let ours: Authority;
  let others: Authority;
  before(() => {
    ours = makeAuthority();
    others = makeAuthority('somebody else');
  });
  after(() => {
    ours.close();
    others.close();
  });

  const keep = closedAfterEach();

  async function registryWith(
    tls: TestRegistryOptions['tls'] = ours.issue('IP:127.0.0.1'),
  ): Promise<TestRegistry> {
    const registry = keep(await startTestRegistry({ tls, strict: false }));
    const manifest = Buffer.from('{"schemaVersion":2}');
    registry.addManifest('team/app', 'latest', mediaTypes.ociManifest, manifest);
    return registry;
  }

  function clientWith(options: RegistryOptions): RegistryClient & { readonly events: RegistryEvent[] } {
    const events: RegistryEvent[] = [];
    const retry = { baseDelay: 1, attempts: 3 };
    const client = createRegistryClient({ retry, onEvent: (event) => events.push(event), ...options });
    return Object.assign(keep(client), { events });
  }

  const app = (registry: string): ImageReference => ({ registry, repository: 'team/app', tag: 'latest' });

  const trusted: readonly [string, () => TlsOptions][] = [
    ['its authority', () => ({ ca: ours.ca })],
    ['one of several authorities', () => ({ ca: [others.ca, ours.ca] })],
    ['a bundle of authorities', () => ({ ca: `# theirs\n${others.ca}\n# ours\n${ours.ca}` })],
  ];
  for (const [name, tls] of trusted) {
    it(`trusts a registry by ${name}`, async () => {
      const registry = await registryWith();
      const client = clientWith({ tls: { [registry.host]: tls() } });
      const image = makeIndex(['linux/amd64', 'linux/arm64'], 100_000);
      await pushImage(client.sink(app(registry.host)), image, 'latest');
      expect((await client.resolve(app(registry.host))).root.digest).to.equal(image.root.digest);
      expect(client.events).to.deep.equal([]);
    });
  }

  it('does not check the certificate of an insecure registry', async () => {
    const registry = await registryWith(others.issue('DNS:elsewhere.test'));
    await clientWith({ insecure: [registry.host] }).resolve(app(registry.host));
  });

  const distrusted: readonly {
    title: string;
    certificate?: () => TestRegistryOptions['tls'];
    tls?: () => TlsOptions | undefined;
    message: RegExp;
    hint: RegExp;
  }[] = [
    {
      title: 'of an authority that nobody told of',
      message: /got no answer: nobody trusted here vouches for its certificate \([A-Z_]+\)$/,
      hint: /certificate authority of 127\.0\.0\.1:\d+ in the configuration/,
    },
    {
      title: 'of another authority than the one told of',
      tls: () => ({ ca: others.ca }),
      message: /nobody trusted here vouches for its certificate/,
      hint: /certificate authority/,
    },
    {
      title: 'for another name',
      certificate: () => ours.issue('DNS:elsewhere.test'),
      tls: () => ({ ca: ours.ca }),
      message: /its certificate is for another name \(ERR_TLS_CERT_ALTNAME_INVALID\)$/,
      hint: /needs another certificate/,
    },
    {
      title: 'without the client certificate that it asks for',
      certificate: () => ({ ...ours.issue('IP:127.0.0.1'), clientCa: ours.ca }),
      tls: () => ({ ca: ours.ca }),
      message: /it refused the TLS connection/,
      hint: /client certificate: give cert and key/,
    },
  ];
  for (const { title, certificate, tls, message, hint } of distrusted) {
    it(`gives up at once on a registry ${title}`, async () => {
      const registry = await registryWith(certificate?.());
      const settings = tls?.();
      const client = clientWith(settings === undefined ? {} : { tls: { [registry.host]: settings } });
      const error = await rejection(client.resolve(app(registry.host)));
      expect(error).to.have.property('code', 'REGISTRY_UNREACHABLE');
      expect(error.message).to.match(message);
      expect(error).to.have.property('hint').that.matches(hint);
      expect(client.events).to.deep.equal([]);
      expect(registry.requests).to.deep.equal([]);
    });
  }

  it('shows a client certificate to its host alone', async () => {
    const [asking, other] = [
      await registryWith({ ...ours.issue('IP:127.0.0.1'), clientCa: ours.ca }),
      await registryWith({ ...ours.issue('IP:127.0.0.1'), clientCa: ours.ca }),
    ];
    const { ca } = ours;
    const client = clientWith({
      tls: { [asking.host]: { ca, ...ours.issue('DNS:me') }, [other.host]: { ca } },
    });
    await client.resolve(app(asking.host));
    expect(await rejection(client.resolve(app(other.host)))).to.have.property('code', 'REGISTRY_UNREACHABLE');
  });

  describe('with certificates that are looked for', () => {
    function source(answer: () => TlsOptions | undefined) {
      const asked: string[] = [];
      const certificatesFor = async (host: string): Promise<TlsOptions | undefined> => {
        asked.push(host);
        return answer();
      };
      return { asked, certificates: { certificatesFor } };
    }

    it('asks once for a host, when it is first talked to', async () => {
      const registry = await registryWith();
      const { asked, certificates } = source(() => ({ ca: ours.ca }));
      const client = clientWith({ certificates });
      expect(asked).to.deep.equal([]);
      await Promise.all([1, 2, 3].map(() => client.resolve(app(registry.host))));
      expect(asked).to.deep.equal([registry.host]);
    });

    it('asks nothing for a host that speaks plain http', async () => {
      const registry = keep(await startTestRegistry());
      const { asked, certificates } = source(() => undefined);
      await rejection(clientWith({ certificates }).resolve(app(registry.host)));
      expect(asked).to.deep.equal([]);
    });

    it('asks for more authorities where nobody vouches for a host, and once', async () => {
      const registry = await registryWith();
      let asked = 0;
      const moreAuthorities = async (): Promise<readonly string[]> => {
        asked += 1;
        return [`not all is PEM\n${others.ca}`, ours.ca];
      };
      const certificates = { certificatesFor: async () => undefined, moreAuthorities };
      const client = clientWith({ certificates });
      const image = makeIndex(['linux/amd64'], 50_000);
      await pushImage(client.sink(app(registry.host)), image, 'latest');
      await Promise.all([1, 2, 3].map(() => client.resolve(app(registry.host))));
      expect(asked).to.equal(1);
      expect(client.events).to.deep.equal([]);
    });

    it('asks for no more authorities where somebody vouches, or where the name is wrong', async () => {
      const [registry, other] = [await registryWith(), await registryWith(ours.issue('DNS:other.test'))];
      const moreAuthorities = async (): Promise<readonly string[]> => {
        throw new Error('nobody was to ask');
      };
      const certificates = { certificatesFor: async () => ({ ca: ours.ca }), moreAuthorities };
      await clientWith({ certificates }).resolve(app(registry.host));
      const error = await rejection(clientWith({ certificates }).resolve(app(other.host)));
      expect(error.message).to.match(/its certificate is for another name/);
    });

    it('goes on to distrust a host that no more authorities vouch for', async () => {
      const registry = await registryWith();
      const certificates = {
        certificatesFor: async () => undefined,
        moreAuthorities: async () => [others.ca],
      };
      const error = await rejection(clientWith({ certificates }).resolve(app(registry.host)));
      expect(error.message).to.match(/nobody trusted here vouches for its certificate/);
    });

    it('adds them to what is given', async () => {
      const registry = await registryWith({ ...ours.issue('IP:127.0.0.1'), clientCa: ours.ca });
      const { certificates } = source(() => ({ ca: ours.ca, ...others.issue('DNS:me') }));
      await clientWith({ certificates, tls: { [registry.host]: ours.issue('DNS:me') } }).resolve(
        app(registry.host),
      );
    });

    it('knows Docker Hub by its name', async () => {
      const registry = await registryWith(ours.issue('DNS:registry-1.docker.io'));
      const proxy = keep(await startConnectProxy({ hosts: { 'registry-1.docker.io:443': registry.host } }));
      const { asked, certificates } = source(() => ({ ca: ours.ca }));
      const client = clientWith({ certificates, proxies: { https: proxy.host } });
      await client.resolve(app('docker.io'));
      expect(asked).to.deep.equal(['docker.io']);
    });

    it('rethrows what went wrong as it is, and does not try again', async () => {
      const registry = await registryWith();
      const { asked, certificates } = source(() => {
        throw Object.assign(new Error('the folder is gone'), { code: 'EIO' });
      });
      const client = clientWith({ certificates });
      const error = await rejection(client.resolve(app(registry.host)));
      expect(error.message).to.equal('the folder is gone');
      expect(asked).to.have.length(1);
      expect(client.events).to.deep.equal([]);
    });
  });

  const bad: readonly [string, () => TlsOptions, RegExp][] = [
    ['a certificate without a key', () => ({ cert: ours.issue('DNS:me').cert }), /certificate has no key$/],
    [
      'a key without a certificate',
      () => ({ key: ours.issue('DNS:me').key }),
      /there is a key and no certificate/,
    ],
    ['an authority that is no PEM', () => ({ ca: 'hello' }), /certificate authority holds no certificate$/],
    ['an empty authority', () => ({ ca: '' }), /certificate authority holds no certificate$/],
    ['a key for an authority', () => ({ ca: ours.issue('DNS:me').key }), /authority holds no certificate$/],
    [
      'a damaged authority',
      () => ({ ca: ours.ca.replace(/\n[^\n]{20}/, `\n${'A'.repeat(20)}`) }),
      /certificate authority cannot be read$/,
    ],
    [
      'a damaged second authority',
      () => ({ ca: [ours.ca, ours.ca.replace(/\n[^\n]{20}/, `\n${'A'.repeat(20)}`)] }),
      /certificate authority cannot be read$/,
    ],
    [
      'the key of another certificate',
      () => ({ cert: ours.issue('DNS:me').cert, key: ours.issue('DNS:me').key }),
      /do not belong together$/,
    ],
    [
      'a key with a passphrase',
      () => {
        const pair = ours.issue('DNS:me');
        return { cert: pair.cert, key: ours.locked(pair) };
      },
      /key of the client certificate is protected by a passphrase$/,
    ],
    [
      'a key whose passphrase nobody notices by decrypting it',
      () => ({
        cert: ours.issue('DNS:me').cert,
        key: '-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n',
      }),
      /key of the client certificate is protected by a passphrase$/,
    ],
    [
      'a key with a passphrase, as OpenSSL wrote them before PKCS #8',
      () => {
        const pair = ours.issue('DNS:me');
        return { cert: pair.cert, key: ours.lockedAsPem(pair) };
      },
      /key of the client certificate is protected by a passphrase$/,
    ],
    [
      'a key that is no PEM',
      () => ({ cert: ours.issue('DNS:me').cert, key: 'hush' }),
      /key of the client certificate cannot be read$/,
    ],
  ];
  for (const [title, tls, message] of bad) {
    it(`refuses ${title}`, async () => {
      const registry = await registryWith();
      const client = clientWith({ tls: { [registry.host]: tls() }, insecure: [registry.host] });
      const error = await rejection(client.resolve(app(registry.host)));
      expect(error).to.have.property('code', 'CERTIFICATES_INVALID');
      expect(error.message)
        .to.match(/^setting up TLS for 127\.0\.0\.1:\d+: /)
        .and.match(message);
      expect(`${error.message} ${error.stack}`).to.not.match(/PRIVATE KEY|hush/);
      expect(client.events).to.deep.equal([]);
      expect(registry.requests).to.deep.equal([]);
    });
  }
});
