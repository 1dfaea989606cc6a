import { copyFile, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ImageReference } from '@mabuild/oci';
import type { TlsOptions } from '@mabuild/registry';
import { expect } from 'chai';
import { certificateSource } from '../../packages/cli/src/sdk/certificates.ts';
import { makeAuthority } from '../support/certificates.ts';
import { startConnectProxy } from '../support/connect-proxy.ts';
import { makeIndex, pushImage } from '../support/image.ts';
import { useRegistries } from '../support/registries.ts';
import { rejection } from '../support/rejection.ts';
import { servicesDescribe } from '../support/services.ts';

servicesDescribe('registry over TLS to docker-registry', ({ mutualRegistry, mutualCertificates }) => {
  const { clientWith } = useRegistries();
  const read = (name: string): Promise<string> => readFile(join(mutualCertificates, name), 'utf8');
  const client = async (): Promise<TlsOptions> => ({
    cert: await read('client.pem'),
    key: await read('client-key.pem'),
  });
  const at = (registry: string): ImageReference => ({ registry, repository: 'real/tls', tag: 'latest' });

  it('is let in with the certificates of certs.d', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'mabuild-certs-'));
    try {
      const folder = join(directory, mutualRegistry);
      await mkdir(folder);
      await copyFile(join(mutualCertificates, 'ca.pem'), join(folder, 'ca.crt'));
      await copyFile(join(mutualCertificates, 'client.pem'), join(folder, 'client.cert'));
      await copyFile(join(mutualCertificates, 'client-key.pem'), join(folder, 'client.key'));
      const place = { variables: {}, homeDirectory: directory, workingDirectory: directory };
      const registries = clientWith({ certificates: certificateSource({}, place, [directory]) });
      const image = makeIndex(['linux/amd64', 'linux/arm64'], 200_000);
      await pushImage(registries.sink(at(mutualRegistry)), image, 'latest');
      expect((await registries.resolve(at(mutualRegistry))).root.digest).to.equal(image.root.digest);
      expect(registries.events).to.deep.equal([]);
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it('is let in through a proxy', async () => {
    const proxy = await startConnectProxy({ hosts: { 'registry.test:5000': mutualRegistry } });
    try {
      const registries = clientWith({
        insecure: ['registry.test:5000'],
        tls: { 'registry.test:5000': await client() },
        proxies: { https: proxy.host },
      });
      const image = makeIndex(['linux/amd64', 'linux/arm64'], 200_000);
      await pushImage(registries.sink(at('registry.test:5000')), image, 'latest');
      const found = await registries.resolve(at('registry.test:5000'));
      expect(found.root.digest).to.equal(image.root.digest);
      expect(new Set(proxy.requests)).to.deep.equal(new Set(['CONNECT registry.test:5000']));
      expect(registries.events).to.deep.equal([]);
    } finally {
      await proxy.close();
    }
  });

  const refused: readonly [string, () => Promise<TlsOptions>, RegExp, RegExp][] = [
    ['no client certificate', async () => ({}), /it refused the TLS connection/, /client certificate/],
    [
      'the client certificate of somebody else',
      async () => {
        const others = makeAuthority('somebody else');
        try {
          return others.issue('DNS:me');
        } finally {
          others.close();
        }
      },
      /it refused the TLS connection/,
      /client certificate/,
    ],
  ];
  for (const [title, settings, message, hint] of refused) {
    it(`is refused at once with ${title}`, async () => {
      const tls = { [mutualRegistry]: { ca: await read('ca.pem'), ...(await settings()) } };
      const registries = clientWith({ tls });
      const error = await rejection(registries.resolve(at(mutualRegistry)));
      expect(error).to.have.property('code', 'REGISTRY_UNREACHABLE');
      expect(error.message).to.match(message);
      expect(error).to.have.property('hint').that.matches(hint);
      expect(registries.events).to.deep.equal([]);
    });
  }
});
