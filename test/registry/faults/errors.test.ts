import { randomBytes } from 'node:crypto';
import { digestOf, mediaTypes } from '@mabuild/oci';
import { type RegistryFault, startTestRegistry } from '@mabuild/registry/testing';
import { expect } from 'chai';
import { makeIndex, pushImage } from '../../support/image.ts';
import { at, blobOf, inSlices, registryUser, signedIn, useRegistries } from '../../support/registries.ts';
import { rejection } from '../../support/rejection.ts';

describe('registry/client names what went wrong', () => {
  const { clientWith, registryWith } = useRegistries();

  const rows: readonly [string, RegistryFault, Record<string, unknown>, RegExp][] = [
    [
      'denied',
      {
        status: 403,
        headers: { 'x-request-id': 'abc-1' },
        body: '{"errors":[{"code":"DENIED","message":"no push for you","detail":{"name":"team/app"}}]}',
      },
      { code: 'REGISTRY_DENIED', status: 403, registryCode: 'DENIED', requestId: 'abc-1' },
      /^uploading blob sha256:\w+ to 127\.0\.0\.1:\d+\/team\/app: POST http:\/\/127[^ ?]* answered 403 DENIED no push for you \(\{"name":"team\/app"\}\) \(request id abc-1\)$/,
    ],
    [
      'a page of HTML',
      { status: 418, body: '<html>teapot</html>' },
      { code: 'REGISTRY_ERROR' },
      /answered 418$/,
    ],
    [
      'not JSON',
      { status: 400, body: 'bad\u001b[31m request' },
      { code: 'REGISTRY_ERROR' },
      /400 bad \[31m request$/,
    ],
    ['JSON of another kind', { status: 400, body: '[]' }, { code: 'REGISTRY_ERROR' }, /answered 400$/],
    [
      'null errors',
      { status: 400, body: '{"errors":[null,1,"x"]}' },
      { code: 'REGISTRY_ERROR' },
      /answered 400$/,
    ],
    ['a long reason', { status: 400, body: 'x'.repeat(9999) }, { code: 'REGISTRY_ERROR' }, /400 x{300}…$/],
    ['no Location', { status: 202 }, { code: 'REGISTRY_ERROR' }, /did not say where to upload to$/],
    [
      'a Location on a private host',
      { status: 202, headers: { location: 'http://169.254.169.254/latest' } },
      { code: 'REGISTRY_ERROR' },
      /sends the upload to http:\/\/169\.254\.169\.254, a private address/,
    ],
    [
      'redirects without end',
      { status: 307, headers: { location: '/v2/again' }, times: 99 },
      { code: 'REGISTRY_ERROR' },
      /redirects without end/,
    ],
    ['unauthorised', { status: 401 }, { code: 'REGISTRY_UNAUTHORIZED' }, /answered 401$/],
    [
      'a token server on a private host',
      { status: 401, headers: { 'www-authenticate': 'Bearer realm="http://10.1.2.3/token"' } },
      { code: 'REGISTRY_UNAUTHORIZED' },
      /token server http:\/\/10\.1\.2\.3, a private address/,
    ],
    [
      'a token server that is no address',
      { status: 401, headers: { 'www-authenticate': 'Bearer realm="http://"' } },
      { code: 'REGISTRY_UNAUTHORIZED' },
      /token server that is not a URL/,
    ],
  ];
  for (const [name, fault, fields, message] of rows) {
    it(name, async () => {
      const registry = await registryWith({ faults: [{ method: 'POST', times: 9, ...fault }] });
      const bytes = randomBytes(1000);
      const client = clientWith(signedIn(registry.host));
      const error = await rejection(client.sink(at(registry)).put(blobOf(bytes), inSlices(bytes)));
      expect(error).to.include(fields);
      expect(error.message).to.match(message);
      expect(error.message).to.not.contain(registryUser.password);
    });
  }

  for (const kind of ['basic', 'token'] as const) {
    it(`a wrong password (${kind})`, async () => {
      const registry = await registryWith({ auth: { kind, ...registryUser } });
      const wrong = { kind: 'basic', username: 'ci', password: 'secretly wrong' } as const;
      const error = await rejection(clientWith(signedIn(registry.host, wrong)).resolve(at(registry)));
      expect(error).to.have.property('code', 'REGISTRY_UNAUTHORIZED');
      expect(`${error.message} ${error.stack}`).to.not.match(/secretly|Basic [A-Za-z0-9]/);
    });

    it(`no password (${kind})`, async () => {
      const registry = await registryWith({ auth: { kind, ...registryUser } });
      const error = await rejection(clientWith().resolve(at(registry)));
      expect(error).to.have.property('code', 'REGISTRY_UNAUTHORIZED');
      expect(error).to.have.property('hint').that.contains(`mabuild login ${registry.host}`);
    });
  }

  it('a token server without a token', async () => {
    const registry = await registryWith({
      auth: { kind: 'token', ...registryUser },
      faults: [{ url: /^\/token/, status: 200, body: '{"token":"two\\nlines"}' }],
    });
    const error = await rejection(clientWith(signedIn(registry.host)).resolve(at(registry)));
    expect(error.message).to.match(/\/token gave no token in its answer$/);
  });

  it('nobody listens', async () => {
    const registry = await startTestRegistry();
    await registry.close();
    const client = clientWith();
    const error = await rejection(client.resolve(at(registry)));
    expect(error).to.have.property('code', 'REGISTRY_UNREACHABLE');
    expect(error.message).to.match(/HEAD http:\/\/127[^ ]* got no answer: the connection was refused/);
    expect(client.events).to.deep.equal([]);
  });

  it('no such host', async () => {
    const error = await rejection(
      clientWith().resolve({ registry: 'registry.invalid', repository: 'a', tag: 'b' }),
    );
    expect(error).to.have.property('code', 'REGISTRY_UNREACHABLE');
  });

  it('a tag that somebody else moved', async () => {
    const registry = await registryWith();
    const [image, other] = [makeIndex(['linux/amd64']), makeIndex(['linux/arm64'])];
    const sink = clientWith({ retry: { baseDelay: 1, attempts: 2 } }).sink(at(registry));
    registry.faults.push({
      method: 'HEAD',
      url: /manifests\/latest/,
      skip: 1,
      status: 200,
      headers: { 'docker-content-digest': other.root.digest, 'content-type': mediaTypes.ociIndex },
      body: ' '.repeat(9),
    });
    expect(await rejection(pushImage(sink, image, 'latest'))).to.have.property('code', 'REGISTRY_TAG_MOVED');
  });

  it('an image of the time before digests', async () => {
    const registry = await registryWith();
    registry.addManifest(
      'team/app',
      'latest',
      'application/vnd.docker.distribution.manifest.v1+prettyjws',
      Buffer.from('{}'),
    );
    expect(await rejection(clientWith().resolve(at(registry)))).to.have.property(
      'code',
      'UNSUPPORTED_MANIFEST',
    );
  });

  it('a manifest that is not what its digest says', async () => {
    const registry = await registryWith({ strict: false });
    const digest = digestOf('something else');
    registry.addManifest('team/app', digest, mediaTypes.ociManifest, Buffer.from('{}'));
    const source = await clientWith().resolve({ ...at(registry), digest });
    expect(await rejection(source.read(source.root))).to.have.property('code', 'DIGEST_MISMATCH');
  });
});
