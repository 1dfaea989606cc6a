import { buffer } from 'node:stream/consumers';
import { digestOf, mediaTypes } from '@mabuild/oci';
import type { RegistryFault } from '@mabuild/registry/testing';
import { expect } from 'chai';
import { at, registryUser, signedIn, useRegistries } from '../support/registries.ts';
import { rejection } from '../support/rejection.ts';

const mebibyte = 1024 * 1024;

/** A manifest of so many bytes. */
function manifestOf(size: number): Buffer {
  const text = '{"schemaVersion":2,"annotations":{"fill":""}}';
  return Buffer.from(text.replace('""', `"${'x'.repeat(size - text.length)}"`));
}

describe('registry answers that are too long', () => {
  const { registryWith, clientWith } = useRegistries();

  for (const [size, fits] of [
    [4 * mebibyte, true],
    [4 * mebibyte + 1, false],
  ] as const) {
    it(`${fits ? 'takes' : 'refuses'} a manifest of ${size} bytes`, async () => {
      const registry = await registryWith({ strict: false });
      const bytes = manifestOf(size);
      registry.addManifest('team/app', 'latest', mediaTypes.ociManifest, bytes);
      const client = clientWith();
      const source = await client.resolve(at(registry));
      const reading = source.read(source.root).then((stream) => buffer(stream));
      if (fits) {
        expect((await reading).length).to.equal(size);
        return;
      }
      const error = await rejection(reading);
      expect(error).to.have.property('code', 'DOCUMENT_TOO_LARGE');
      expect(error.message).to.match(
        /^reading the manifest of .*: GET http:\/\/127.* answers with more than 4096 KiB$/,
      );
      expect(client.events).to.deep.equal([]);
    });
  }

  it('cuts a manifest without end', async () => {
    const registry = await registryWith({ strict: false, faults: [{ method: 'GET', endless: true }] });
    registry.addManifest('team/app', 'latest', mediaTypes.ociManifest, Buffer.from('{}'));
    const source = await clientWith().resolve(at(registry));
    expect(await rejection(source.read(source.root))).to.have.property('code', 'DOCUMENT_TOO_LARGE');
  });

  const tokens: readonly [string, RegistryFault][] = [
    ['of 300 KiB', { body: JSON.stringify({ token: 'x'.repeat(300 * 1024) }), status: 200 }],
    ['without end', { endless: true }],
  ];
  for (const [title, fault] of tokens) {
    it(`cuts a token answer ${title}`, async () => {
      const registry = await registryWith({
        auth: { kind: 'token', ...registryUser },
        faults: [{ url: /^\/token/, times: 9, ...fault }],
      });
      const client = clientWith(signedIn(registry.host));
      const error = await rejection(client.resolve(at(registry)));
      expect(error).to.have.property('code', 'DOCUMENT_TOO_LARGE');
      expect(error.message).to.match(/^signing in to 127.*\/token answers with more than 256 KiB$/);
      expect(registry.requests.filter(({ url }) => url.startsWith('/token'))).to.have.length(1);
    });
  }

  for (const [status, code] of [
    [404, 'IMAGE_NOT_FOUND'],
    [403, 'REGISTRY_DENIED'],
    [500, 'REGISTRY_ERROR'],
  ] as const) {
    it(`keeps the status of an error without end: ${status}`, async () => {
      const registry = await registryWith({
        strict: false,
        faults: [{ method: 'GET', status, body: 'it went wrong. '.repeat(9000), times: 9 }],
      });
      registry.addManifest('team/app', 'latest', mediaTypes.ociManifest, Buffer.from('{}'));
      const source = await clientWith({ retry: { attempts: 1 } }).resolve(at(registry));
      const error = await rejection(source.read(source.root));
      expect(error).to.include({ code, status });
      expect(error.message.length).to.be.lessThan(700);
    });
  }

  it('knows a digest of what it read all the same', async () => {
    const registry = await registryWith({ strict: false });
    const bytes = manifestOf(mebibyte);
    registry.addManifest('team/app', 'latest', mediaTypes.ociManifest, bytes);
    const source = await clientWith().resolve(at(registry));
    expect(source.root).to.include({ digest: digestOf(bytes), size: mebibyte });
  });
});
