import type { ServerResponse } from 'node:http';
import { type CredentialSource, isMabuildError, parsePlatform, parseReference } from '@mabuild/oci';
import { expect } from 'chai';
import {
  inspectImage,
  loadArchive,
  removeImage,
  tagImage,
} from '../../../../packages/core/src/engines/docker/load.ts';
import { pullImage, registryConfigHeader } from '../../../../packages/core/src/engines/docker/pull.ts';
import { fakeEngine } from '../../../support/fake-engine.ts';

const says =
  (status: number, text: string) =>
  (_call: unknown, response: ServerResponse): unknown =>
    response.writeHead(status).end(text);
const codeOf = (error: unknown): string | undefined => (isMabuildError(error) ? error.code : undefined);
const credentials: CredentialSource = {
  async credentialFor(host) {
    if (host === 'docker.io') return { kind: 'identity-token', token: 't' };
    return host === 'private.example' ? { kind: 'basic', username: 'u', password: 'p?>' } : undefined;
  },
};
const decode = (header: string | undefined): unknown =>
  header && JSON.parse(Buffer.from(header, 'base64url').toString());

describe('images of an engine', () => {
  const loads: readonly [string, string, readonly string[] | string][] = [
    ['a name', '{"stream":"Loaded image: busybox:1\\n"}\n', ['busybox:1']],
    ['an id', '{"stream":"Loaded image ID: sha256:abc\\n"}\n', ['sha256:abc']],
    ['two', '{"stream":"Loaded image: a:1\\nLoaded image: b:1\\n"}\n', ['a:1', 'b:1']],
    [
      'progress in between',
      '{"status":"Loading layer","progressDetail":{"current":1,"total":2},"id":"x"}\n{"stream":"Loaded image: a:1\\n"}',
      ['a:1'],
    ],
    [
      'an error behind HTTP 200',
      '{"errorDetail":{"message":"no space left on device"},"error":"no space left on device"}',
      'LOAD_FAILED',
    ],
    ['half an answer', '{"stream":"Loa', 'ENGINE_ANSWER_INVALID'],
  ];
  for (const [name, answer, expected] of loads)
    it(`load: ${name}`, async () => {
      const engine = await fakeEngine({ 'POST /images/load': says(200, answer) });
      const result = await loadArchive(engine.client, new Uint8Array(3)).catch(codeOf);
      await engine.close();
      expect(result).to.deep.equal(expected);
    });

  it('tags the repository and the tag apart', async () => {
    const engine = await fakeEngine({ 'POST /images/{}/tag': says(201, '') });
    await tagImage(engine.client, 'sha256:abc', parseReference('localhost:5000/team/app:1.2'));
    const { query } = engine.calls.at(-1) ?? {};
    await engine.close();
    expect(Object.fromEntries(query ?? [])).to.deep.equal({ repo: 'localhost:5000/team/app', tag: '1.2' });
  });

  const inspections: readonly [string, number, string, object | string | undefined][] = [
    [
      'there',
      200,
      '{"Id":"sha256:a","Os":"linux","Architecture":"arm","Variant":"v7"}',
      { id: 'sha256:a', platform: { os: 'linux', architecture: 'arm', variant: 'v7' } },
    ],
    [
      'without a variant',
      200,
      '{"Id":"sha256:a","Os":"linux","Architecture":"arm","Variant":""}',
      { id: 'sha256:a', platform: { os: 'linux', architecture: 'arm' } },
    ],
    ['not there', 404, '{"message":"No such image"}', undefined],
    ['a refusal', 500, '{"message":"broken"}', 'ENGINE_REFUSED'],
  ];
  for (const [name, status, answer, expected] of inspections)
    it(`inspect: ${name}`, async () => {
      const engine = await fakeEngine({ 'GET /images/{}/json': says(status, answer) });
      const result = await inspectImage(engine.client, 'app:1').catch(codeOf);
      await engine.close();
      expect(result).to.deep.equal(expected);
    });

  it('removing what is gone is no error', async () => {
    const engine = await fakeEngine({ 'DELETE /images/{}': says(404, '{"message":"No such image"}') });
    await removeImage(engine.client, 'app:1');
    await engine.close();
  });

  it('pulls by digest, with the credential of the registry', async () => {
    const engine = await fakeEngine({
      'POST /images/create': says(200, '{"status":"Status: Downloaded"}\n'),
    });
    const digest = `sha256:${'a'.repeat(64)}`;
    await pullImage(engine.client, parseReference(`private.example/app:1@${digest}`), {
      credentials,
      platform: parsePlatform('linux/arm/v7'),
    });
    const { query } = engine.calls.at(-1) ?? {};
    await engine.close();
    expect(Object.fromEntries(query ?? [])).to.deep.equal({
      fromImage: 'private.example/app',
      tag: digest,
      platform: 'linux/arm/v7',
    });
  });

  it('a pull that fails behind HTTP 200', async () => {
    const engine = await fakeEngine({
      'POST /images/create': says(200, '{"error":"no matching manifest for linux/arm/v6"}\n'),
    });
    const error = await pullImage(engine.client, parseReference('busybox'), {
      credentials,
      platform: parsePlatform('linux/arm/v6'),
    }).catch((thrown: unknown) => thrown);
    await engine.close();
    expect(codeOf(error)).to.equal('PULL_FAILED');
    expect((error as Error).message)
      .to.contain('no matching manifest')
      .and.contain('docker.io/library/busybox');
  });

  const headers: readonly [string, readonly string[], object | undefined][] = [
    ['nobody', [], undefined],
    ['no credential', ['public.example/a'], undefined],
    [
      'each registry once, docker.io under its old name',
      ['busybox', 'private.example/a', 'private.example/b', 'public.example/a'],
      {
        'https://index.docker.io/v1/': { identitytoken: 't' },
        'private.example': { username: 'u', password: 'p?>' },
      },
    ],
  ];
  for (const [name, references, expected] of headers)
    it(`credentials for a build: ${name}`, async () => {
      const header = await registryConfigHeader(
        references.map((reference) => parseReference(reference)),
        credentials,
      );
      expect(decode(header)).to.deep.equal(expected);
    });
});
