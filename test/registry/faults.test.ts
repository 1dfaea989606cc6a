import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { type Credential, type Descriptor, digestOf, type ImageReference, mediaTypes } from '@mabuild/oci';
import {
  createRegistryClient,
  type RegistryClient,
  type RegistryEvent,
  type RegistryOptions,
} from '@mabuild/registry';
import {
  type RegistryFault,
  startTestRegistry,
  type TestRegistry,
  type TestRegistryOptions,
} from '@mabuild/registry/testing';
import { expect } from 'chai';
import { makeIndex, pushImage } from '../support/image.ts';
import { rejection } from '../support/rejection.ts';

const user = { username: 'ci', password: 'a very secret word' } as const;
const manifests = /\/manifests\//;
const uploads = /\/blobs\/uploads\//;
const blobs = /\/blobs\/sha256:/;

describe('registry/client when things go wrong', () => {
  const open: { close(): Promise<void> }[] = [];
  afterEach(async () => {
    await Promise.all(open.splice(0).map((part) => part.close()));
  });

  async function registryWith(options: TestRegistryOptions = {}): Promise<TestRegistry> {
    const registry = await startTestRegistry(options);
    open.push(registry);
    return registry;
  }

  function clientWith(options: RegistryOptions = {}): RegistryClient & { readonly events: RegistryEvent[] } {
    const events: RegistryEvent[] = [];
    const client = createRegistryClient({
      retry: { baseDelay: 1 },
      onEvent: (event) => events.push(event),
      ...options,
    });
    open.push(client);
    return Object.assign(client, { events });
  }

  function signedIn(host: string, credential: Credential = { kind: 'basic', ...user }): RegistryOptions {
    return { credentials: { credentialFor: async (asked) => (asked === host ? credential : undefined) } };
  }

  function at({ host }: TestRegistry, repository = 'team/app'): ImageReference {
    return { registry: host, repository, tag: 'latest' };
  }

  function blobOf(bytes: Buffer): Descriptor {
    return { mediaType: mediaTypes.ociLayerGzip, digest: digestOf(bytes), size: bytes.length };
  }

  const inSlices = (bytes: Buffer) => async (): Promise<Readable> => {
    async function* slices(): AsyncGenerator<Buffer> {
      for (let from = 0; from < bytes.length; from += 65_536) {
        yield bytes.subarray(from, from + 65_536);
        await new Promise(setImmediate);
      }
    }
    return Readable.from(slices(), { objectMode: false });
  };

  describe('a push survives', () => {
    const faults: readonly [string, readonly RegistryFault[]][] = [
      ['429 with Retry-After: 0', [{ status: 429, headers: { 'retry-after': '0' } }]],
      ['429 in everything once', ['HEAD', 'POST', 'PUT'].map((method) => ({ method, status: 429 }))],
      ['500', [{ status: 500 }]],
      ['503 while a blob is uploaded', [{ method: 'PUT', url: uploads, status: 503 }]],
      ['408 while the manifest is written', [{ method: 'PUT', url: manifests, status: 408 }]],
      ['a connection cut before the answer', [{ method: 'HEAD', cutAfter: 0 }]],
      ['a connection cut when an upload begins', [{ method: 'POST', cutAfter: 0 }]],
      ['a connection cut in mid-upload', [{ method: 'PUT', url: uploads, cutAfter: 200_000 }]],
      ['two cuts in mid-upload', [{ method: 'PUT', url: uploads, cutAfter: 200_000, times: 2 }]],
      ['an answer lost after an upload', [{ method: 'PUT', url: uploads, cutAfterAnswer: true }]],
      ['an answer lost after the manifest', [{ method: 'PUT', url: manifests, cutAfterAnswer: true }]],
      [
        'an upload that the registry forgot',
        [
          {
            method: 'PUT',
            url: uploads,
            status: 404,
            body: JSON.stringify({ errors: [{ code: 'BLOB_UPLOAD_UNKNOWN' }] }),
          },
        ],
      ],
      ['a tag that appears late', [{ method: 'HEAD', url: /manifests\/latest/, skip: 1, status: 404 }]],
      [
        'a registry whose HEAD says nothing',
        [{ method: 'HEAD', url: /manifests\/latest/, skip: 1, status: 200 }],
      ],
      ['a registry without HEAD', [{ method: 'HEAD', url: manifests, status: 405, times: 9 }]],
      ['slow answers', [{ delay: 30, times: 5 }]],
    ];
    for (const [name, list] of faults) {
      it(name, async () => {
        const registry = await registryWith({ faults: list });
        const client = clientWith();
        const image = makeIndex(['linux/amd64', 'linux/arm64'], 1_000_000);
        await pushImage(client.sink(at(registry)), image, 'latest');
        expect(registry.tagOf('team/app', 'latest')).to.equal(image.root.digest);
        for (const { descriptor, bytes } of image.contents) {
          const stored =
            registry.blob('team/app', descriptor.digest) ??
            registry.manifest('team/app', descriptor.digest)?.bytes;
          expect(stored?.equals(bytes)).to.equal(true);
        }
        expect(registry.openUploads()).to.deep.equal([]);
      });
    }

    it('tokens that expire in the middle', async () => {
      const registry = await registryWith({ auth: { kind: 'token', ...user } });
      const client = clientWith(signedIn(registry.host));
      const sink = client.sink(at(registry));
      const image = makeIndex(['linux/amd64', 'linux/arm64'], 300_000);
      const first = image.contents[0]!;
      await sink.put(first.descriptor, inSlices(first.bytes));
      registry.expireTokens();
      await pushImage(sink, image, 'latest');
      expect(registry.tagOf('team/app', 'latest')).to.equal(image.root.digest);
      expect(registry.requests.filter(({ url }) => url.startsWith('/token'))).to.have.length(2);
    });

    it('a token that expires between the two requests of an upload', async () => {
      const registry = await registryWith({ auth: { kind: 'token', ...user } });
      const client = clientWith(signedIn(registry.host));
      const bytes = randomBytes(3_000_000);
      let opened = 0;
      await client.sink(at(registry)).put(blobOf(bytes), async () => {
        opened += 1;
        if (opened === 1) registry.expireTokens();
        return inSlices(bytes)();
      });
      expect(registry.blob('team/app', digestOf(bytes))?.length).to.equal(bytes.length);
      expect(registry.openUploads()).to.deep.equal([]);
    });
  });

  it('tells what it waits for, and caps what the registry asks', async () => {
    const registry = await registryWith({
      faults: [{ status: 429, headers: { 'retry-after': '3600' } }, { status: 503 }],
    });
    const client = clientWith({ retry: { baseDelay: 2, maxDelay: 20 } });
    await rejection(client.resolve(at(registry)));
    expect(client.events).to.have.length(2);
    expect(client.events[0]).to.include({
      type: 'registry-retry',
      reason: '429',
      delay: 20,
      asked: true,
      attempt: 1,
    });
    expect(client.events[1]).to.include({ reason: '503', asked: false, attempt: 2, attempts: 5 });
  });

  it('gives up after the attempts it was given', async () => {
    const registry = await registryWith({ faults: [{ status: 502, times: 99 }] });
    const client = clientWith({ retry: { baseDelay: 1, attempts: 3 } });
    expect(await rejection(client.resolve(at(registry)))).to.include({ code: 'REGISTRY_ERROR', status: 502 });
    expect(registry.requests).to.have.length(3);
  });

  it('uploads once when the answer was lost', async () => {
    const registry = await registryWith({ faults: [{ method: 'PUT', cutAfterAnswer: true }] });
    const bytes = randomBytes(200_000);
    await clientWith().sink(at(registry)).put(blobOf(bytes), inSlices(bytes));
    expect(registry.requests.map(({ method }) => method)).to.deep.equal(['POST', 'PUT', 'DELETE', 'HEAD']);
  });

  it('sends a blob once that two images share', async () => {
    const registry = await registryWith();
    const bytes = randomBytes(200_000);
    const sink = clientWith().sink(at(registry));
    await Promise.all([1, 2, 3].map(() => sink.put(blobOf(bytes), inSlices(bytes))));
    expect(registry.requests.map(({ method }) => method)).to.deep.equal(['POST', 'PUT']);
  });

  describe('errors', () => {
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
        expect(error.message).to.not.contain(user.password);
      });
    }

    for (const kind of ['basic', 'token'] as const) {
      it(`a wrong password (${kind})`, async () => {
        const registry = await registryWith({ auth: { kind, ...user } });
        const wrong = { kind: 'basic', username: 'ci', password: 'secretly wrong' } as const;
        const error = await rejection(clientWith(signedIn(registry.host, wrong)).resolve(at(registry)));
        expect(error).to.have.property('code', 'REGISTRY_UNAUTHORIZED');
        expect(`${error.message} ${error.stack}`).to.not.match(/secretly|Basic [A-Za-z0-9]/);
      });

      it(`no password (${kind})`, async () => {
        const registry = await registryWith({ auth: { kind, ...user } });
        const error = await rejection(clientWith().resolve(at(registry)));
        expect(error).to.have.property('code', 'REGISTRY_UNAUTHORIZED');
        expect(error).to.have.property('hint').that.contains(`docker login ${registry.host}`);
      });
    }

    it('a token server without a token', async () => {
      const registry = await registryWith({
        auth: { kind: 'token', ...user },
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
      await pushImage(sink, other, 'latest');
      const headers = { 'docker-content-digest': other.root.digest, 'content-type': mediaTypes.ociIndex };
      const fault = {
        method: 'HEAD',
        url: /manifests\/latest/,
        status: 200,
        headers,
        body: ' '.repeat(9),
        times: 3,
      };
      registry.faults.push(fault);
      expect(await rejection(pushImage(sink, image, 'latest'))).to.have.property(
        'code',
        'REGISTRY_TAG_MOVED',
      );
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

  describe('reading', () => {
    const bytes = randomBytes(500_000);

    async function published(
      options: TestRegistryOptions = {},
    ): Promise<{ registry: TestRegistry; blob: Descriptor }> {
      const registry = await registryWith({ strict: false, ...options });
      registry.addBlob('team/app', bytes);
      registry.addManifest('team/app', 'latest', mediaTypes.ociManifest, Buffer.from('{"schemaVersion":2}'));
      return { registry, blob: blobOf(bytes) };
    }

    it('goes on where a cut connection stopped', async () => {
      const { registry, blob } = await published();
      const source = await clientWith().resolve(at(registry));
      registry.faults.push(
        { method: 'GET', url: blobs, cutBodyAfter: 100_000 },
        { method: 'GET', url: blobs, cutBodyAfter: 100_000 },
      );
      expect((await buffer(await source.read(blob))).equals(bytes)).to.equal(true);
      const ranges = registry.requests
        .filter(({ method }) => method === 'GET')
        .map(({ headers }) => headers.range);
      expect(ranges).to.have.length(3);
      expect(ranges[2]).to.match(/^bytes=\d+-$/);
    });

    it('starts again where Range is not known', async () => {
      const { registry, blob } = await published();
      const source = await clientWith().resolve(at(registry));
      registry.faults.push({ method: 'GET', url: blobs, cutBodyAfter: 100_000 });
      registry.faults.push({ method: 'GET', url: blobs, status: 200, body: bytes.toString('latin1') });
      const wrong = await rejection(buffer(await source.read(blob)));
      // The second answer is other bytes, in UTF-8: what was kept of the first must not hide it.
      expect(wrong)
        .to.have.property('code')
        .that.matches(/MISMATCH$/);
    });

    it('refuses damaged bytes at the end', async () => {
      const { registry, blob } = await published();
      const source = await clientWith().resolve(at(registry));
      registry.faults.push({ method: 'GET', url: blobs, status: 200, body: 'x'.repeat(blob.size) });
      expect(await rejection(buffer(await source.read(blob)))).to.have.property('code', 'DIGEST_MISMATCH');
    });

    it('follows a redirect without taking the credentials along', async () => {
      const { registry: elsewhere, blob } = await published();
      const { registry } = await published({ auth: { kind: 'basic', ...user } });
      const source = await clientWith(signedIn(registry.host)).resolve(at(registry));
      const location = `http://${elsewhere.host}/v2/team/app/blobs/${blob.digest}?signature=1`;
      registry.faults.push({ method: 'GET', url: blobs, status: 307, headers: { location } });
      expect((await buffer(await source.read(blob))).length).to.equal(blob.size);
      const [asked] = elsewhere.requests;
      expect(asked?.url).to.match(/signature=1$/);
      expect(asked?.headers).to.not.have.property('authorization');
    });

    it('asks for a manifest once, and remembers it', async () => {
      const { registry } = await published();
      const stored = new Map<string, Uint8Array>();
      const manifestStore = {
        get: async (digest: string) => stored.get(digest),
        set: async (digest: string, manifest: Uint8Array) => void stored.set(digest, manifest),
      };
      for (const _run of [1, 2]) {
        const client = clientWith({ manifestStore });
        const source = await client.resolve(at(registry));
        await buffer(await source.read(source.root));
        await buffer(await source.read(source.root));
      }
      expect(registry.requests.map(({ method }) => method)).to.deep.equal(['HEAD', 'GET', 'HEAD']);
    });

    it('does not trust a damaged store', async () => {
      const { registry } = await published();
      const client = clientWith({
        manifestStore: { get: async () => Buffer.from('{}'), set: async () => undefined },
      });
      const source = await client.resolve(at(registry));
      expect((await buffer(await source.read(source.root))).toString()).to.equal('{"schemaVersion":2}');
    });

    describe('through mirrors', () => {
      it('asks the mirror and not the registry', async () => {
        const { registry: mirror, blob } = await published();
        const reference = { registry: 'docker.io', repository: 'team/app', tag: 'latest' };
        const client = clientWith({ mirrors: { 'docker.io': [`http://${mirror.host}`] } });
        const source = await client.resolve(reference);
        expect((await buffer(await source.read(blob))).equals(bytes)).to.equal(true);
        expect(source.mountableFrom?.(blob)).to.deep.equal({ registry: 'docker.io', repository: 'team/app' });
      });

      it('knows mirrors below a path', async () => {
        const mirror = await registryWith({ strict: false });
        mirror.addManifest('hub/team/app', 'latest', mediaTypes.ociManifest, Buffer.from('{}'));
        const client = clientWith({ mirrors: { 'docker.io': [`http://${mirror.host}/hub/`] } });
        await client.resolve({ registry: 'docker.io', repository: 'team/app', tag: 'latest' });
      });

      const troubles: readonly [string, RegistryFault][] = [
        ['404', { status: 404 }],
        ['500', { status: 500, times: 9 }],
        ['401', { status: 401, headers: { 'www-authenticate': 'Basic realm="mirror"' } }],
        ['a cut connection', { cutAfter: 0, times: 9 }],
      ];
      for (const [name, fault] of troubles) {
        it(`falls back after ${name}`, async () => {
          const mirror = await registryWith({ faults: [fault] });
          const { registry, blob } = await published({ auth: { kind: 'basic', ...user } });
          const client = clientWith({
            ...signedIn(registry.host),
            mirrors: { [registry.host]: [`http://${mirror.host}`] },
          });
          const source = await client.resolve(at(registry));
          expect((await buffer(await source.read(blob))).equals(bytes)).to.equal(true);
          expect(mirror.requests.map(({ headers }) => headers.authorization)).to.not.include.members([
            registry.requests.at(-1)?.headers.authorization,
          ]);
          expect(client.events.filter(({ type }) => type === 'registry-mirror-skipped')).to.have.length(1);
        });
      }

      it('falls back for a blob that the mirror lacks', async () => {
        const { registry, blob } = await published();
        const mirror = await registryWith({ strict: false });
        mirror.addManifest('team/app', 'latest', mediaTypes.ociManifest, Buffer.from('{"schemaVersion":2}'));
        const client = clientWith({ mirrors: { [registry.host]: [`http://${mirror.host}`] } });
        const source = await client.resolve(at(registry));
        expect((await buffer(await source.read(blob))).equals(bytes)).to.equal(true);
      });

      it('never writes to a mirror', async () => {
        const [registry, mirror] = [await registryWith(), await registryWith()];
        const client = clientWith({ mirrors: { [registry.host]: [`http://${mirror.host}`] } });
        await pushImage(client.sink(at(registry)), makeIndex(['linux/amd64']), 'latest');
        expect(mirror.requests).to.deep.equal([]);
      });

      it('names what is nowhere', async () => {
        const [registry, mirror] = [await registryWith(), await registryWith()];
        const client = clientWith({ mirrors: { [registry.host]: [`http://${mirror.host}`] } });
        expect(await rejection(client.resolve(at(registry)))).to.have.property('code', 'IMAGE_NOT_FOUND');
      });
    });
  });

  describe('an abort', () => {
    const reason = new Error('enough');
    const bytes = randomBytes(2_000_000);

    const rows: readonly [string, RegistryFault][] = [
      ['while an upload begins', { method: 'POST', delay: 100 }],
      ['in mid-upload', { method: 'PUT', hang: true }],
      [
        'in the wait before another attempt',
        { method: 'POST', status: 429, headers: { 'retry-after': '50' } },
      ],
    ];
    for (const [name, fault] of rows) {
      it(`${name} leaves nothing open`, async () => {
        const registry = await registryWith({ faults: [fault] });
        const controller = new AbortController();
        const { signal } = controller;
        const put = clientWith().sink(at(registry)).put(blobOf(bytes), inSlices(bytes), { signal });
        setTimeout(() => controller.abort(reason), 50);
        expect(await rejection(put)).to.equal(reason);
        expect(registry.openUploads()).to.deep.equal([]);
        expect(registry.blob('team/app', digestOf(bytes))).to.equal(undefined);
      });
    }

    it('before anything asks nothing', async () => {
      const registry = await registryWith();
      const signal = AbortSignal.abort(reason);
      const client = clientWith();
      const sink = client.sink(at(registry));
      const image = makeIndex(['linux/amd64']);
      const calls = [
        client.resolve(at(registry), { signal }),
        sink.has(image.root, { signal }),
        sink.put(blobOf(bytes), inSlices(bytes), { signal }),
        sink.tag('latest', image.root, { signal }),
      ];
      for (const call of calls) {
        expect(await rejection(call)).to.equal(reason);
      }
      expect(registry.requests).to.deep.equal([]);
    });

    it('ends a request that is never answered', async () => {
      const registry = await registryWith({ faults: [{ hang: true }] });
      const controller = new AbortController();
      const resolving = clientWith().resolve(at(registry), { signal: controller.signal });
      setTimeout(() => controller.abort(reason), 30);
      expect(await rejection(resolving)).to.equal(reason);
    });

    it('ends a download', async () => {
      const registry = await registryWith({ strict: false });
      registry.addBlob('team/app', bytes);
      registry.addManifest('team/app', 'latest', mediaTypes.ociManifest, Buffer.from('{}'));
      const controller = new AbortController();
      const source = await clientWith().resolve(at(registry));
      const stream = await source.read(blobOf(bytes), { signal: controller.signal });
      stream.once('data', () => controller.abort(reason));
      expect(await rejection(buffer(stream))).to.equal(reason);
    });

    it('of a signal that is aborted without an Error is passed on', async () => {
      const registry = await registryWith({ faults: [{ hang: true }] });
      const controller = new AbortController();
      const resolving = clientWith().resolve(at(registry), { signal: controller.signal });
      setTimeout(() => controller.abort('plain words'), 30);
      expect(await rejection(resolving)).to.equal('plain words');
    });
  });

  describe('a body', () => {
    const bytes = randomBytes(400_000);
    const rows: readonly [string, () => Promise<Readable>, Record<string, unknown>][] = [
      [
        'that is too short',
        async () => Readable.from([bytes.subarray(1)], { objectMode: false }),
        { code: 'SIZE_MISMATCH' },
      ],
      [
        'that is too long',
        async () => Readable.from([bytes, Buffer.from('x')], { objectMode: false }),
        { code: 'SIZE_MISMATCH' },
      ],
      [
        'that fails',
        async () => {
          async function* failing(): AsyncGenerator<Buffer> {
            yield bytes.subarray(0, 1000);
            throw new Error('the disk is gone');
          }
          return Readable.from(failing(), { objectMode: false });
        },
        { message: 'the disk is gone' },
      ],
      ['that cannot be opened', () => Promise.reject(new Error('no such file')), { message: 'no such file' }],
    ];
    for (const [name, openBody, fields] of rows) {
      it(`${name} is an error, and nothing stays open`, async () => {
        const registry = await registryWith();
        const error = await rejection(clientWith().sink(at(registry)).put(blobOf(bytes), openBody));
        expect(error).to.include(fields);
        expect(registry.openUploads()).to.deep.equal([]);
        expect(registry.requests.filter(({ method }) => method === 'POST')).to.have.length(1);
      });
    }
  });
});
