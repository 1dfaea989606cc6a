import type { ImageReference } from '@mabuild/oci';
import { createRegistryClient, type RegistryClient, type RegistryOptions } from '@mabuild/registry';
import { startTestRegistry, type TestRegistry, type TestRegistryOptions } from '@mabuild/registry/testing';
import { expect } from 'chai';
import { makeIndex, pushImage } from '../support/image.ts';
import { rejection } from '../support/rejection.ts';
import { servicesDescribe } from '../support/services.ts';
import { listTags as skopeoTags } from '../support/skopeo.ts';

const manyTags = Array.from({ length: 25 }, (_, at) => `v${String(at).padStart(2, '0')}`);

describe('registry/lists', () => {
  let registry: TestRegistry;
  let client: RegistryClient;

  async function start(
    options: TestRegistryOptions = {},
    clientOptions: RegistryOptions = {},
  ): Promise<void> {
    registry = await startTestRegistry(options);
    client = createRegistryClient({ retry: { baseDelay: 1 }, ...clientOptions });
    for (const tag of manyTags) registry.addManifest('team/app', tag, 'application/x', Buffer.from(tag));
    registry.addManifest('other', 'latest', 'application/x', Buffer.from('other'));
    registry.requests.length = 0;
  }
  function app(): ImageReference {
    return { registry: registry.host, repository: 'team/app' };
  }
  function answerLists(...pages: readonly { body: unknown; link?: string; status?: number }[]): void {
    for (const { body, link, status = 200 } of pages) {
      registry.faults.push({
        url: /tags\/list|_catalog/,
        status,
        headers: { 'content-type': 'application/json', ...(link !== undefined && { link }) },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      });
    }
  }
  afterEach(async () => {
    await client.close();
    await registry.close();
  });

  it('lists tags page by page', async () => {
    await start({ pageSize: 10 });
    expect(await all(client.tags(app()))).to.deep.equal(manyTags);
    expect(registry.requests.map(({ url }) => url)).to.deep.equal([
      '/v2/team/app/tags/list?n=1000',
      '/v2/team/app/tags/list?n=10&last=v09',
      '/v2/team/app/tags/list?n=10&last=v19',
    ]);
  });

  it('asks for as many at a time as it is told, after a name', async () => {
    await start();
    expect(await all(client.tags(app(), { pageSize: 2, last: 'v20' }))).to.deep.equal(manyTags.slice(21));
    expect(registry.requests).to.have.length(2);
  });

  it('asks for no page that nobody wants', async () => {
    await start({ pageSize: 10 });
    for await (const tag of client.tags(app())) if (tag === 'v05') break;
    expect(registry.requests).to.have.length(1);
  });

  it('lists repositories', async () => {
    await start({ pageSize: 1 });
    expect(await all(client.repositories(registry.host))).to.deep.equal(['other', 'team/app']);
    expect(await all(client.repositories(registry.host, { last: 'other' }))).to.deep.equal(['team/app']);
  });

  it('signs in for lists', async () => {
    const user = { kind: 'basic', username: 'ci', password: 'ci-pass' } as const;
    await start(
      { auth: { ...user, kind: 'token' }, pageSize: 10 },
      { credentials: { credentialFor: async () => user } },
    );
    expect(await all(client.tags(app()))).to.deep.equal(manyTags);
    expect(await all(client.repositories(registry.host))).to.have.length(2);
  });

  it('goes on where a page fails for a moment', async () => {
    await start({ pageSize: 10 });
    registry.faults.push({ url: /last=v09/, status: 503 }, { url: /last=v19/, cutBodyAfter: 5 });
    expect(await all(client.tags(app()))).to.deep.equal(manyTags);
  });

  it('asks again without a number where the registry refuses it', async () => {
    await start();
    registry.faults.push({
      url: /n=1000/,
      status: 400,
      body: '{"errors":[{"code":"PAGINATION_NUMBER_INVALID"}]}',
    });
    expect(await all(client.tags(app()))).to.deep.equal(manyTags);
    registry.faults.push({ url: /n=5/, status: 400 });
    expect(await rejection(all(client.tags(app(), { pageSize: 5 })))).to.include({ code: 'REGISTRY_ERROR' });
  });

  it('gives a name that two pages have once, and takes null for none', async () => {
    await start();
    answerLists({ body: { tags: ['a', 'b'] }, link: '</v2/team/app/tags/list?last=b>; rel="next"' });
    answerLists({ body: { tags: ['b', 'c'] } });
    expect(await all(client.tags(app()))).to.deep.equal(['a', 'b', 'c']);
    answerLists({ body: { name: 'team/app', tags: null } });
    expect(await all(client.tags(app()))).to.deep.equal([]);
  });

  it('understands an absolute Link to itself', async () => {
    await start();
    answerLists({
      body: { tags: ['a'] },
      link: `<${registry.url}/v2/team/app/tags/list?last=v23>; rel="next"`,
    });
    expect(await all(client.tags(app()))).to.deep.equal(['a', 'v24']);
  });

  it('reads through a mirror, and passes over one that fails or does not have it', async () => {
    const [mirror, stranger] = [await startTestRegistry(), await startTestRegistry()];
    try {
      mirror.addManifest('team/app', 'mirrored', 'application/x', Buffer.from('1'));
      registry = await startTestRegistry();
      registry.addManifest('team/app', 'own', 'application/x', Buffer.from('1'));
      const through = (...mirrors: string[]): RegistryClient =>
        createRegistryClient({ mirrors: { [registry.host]: mirrors }, retry: { attempts: 1 } });
      client = through(stranger.url, mirror.url);
      expect(await all(client.tags(app()))).to.deep.equal(['mirrored']);
      expect(await all(client.repositories(registry.host))).to.deep.equal(['team/app']);
      mirror.faults.push({ status: 500 });
      expect(await all(through(mirror.url).tags(app()))).to.deep.equal(['own']);
    } finally {
      await mirror.close();
      await stranger.close();
    }
  });

  const strange: readonly { what: string; body: unknown; link?: string; says: RegExp }[] = [
    { what: 'a page for people', body: '<html></html>', says: /something else than a list/ },
    { what: 'a list', body: [], says: /something else than a list/ },
    { what: 'tags that are text', body: { tags: 'a' }, says: /something else than a list/ },
    { what: 'a tag that is a number', body: { tags: ['a', 1] }, says: /something else than a list/ },
    {
      what: 'a tag that commands a terminal',
      body: { tags: ['a\u001b[2J'] },
      says: /something else than a list/,
    },
    { what: 'a tag with a line end', body: { tags: ['a\nb'] }, says: /something else than a list/ },
    {
      what: 'a Link that cannot be read',
      body: { tags: [] },
      link: '</v2/; rel="next"',
      says: /Link .* cannot be read/,
    },
    {
      what: 'a Link that is no URL',
      body: { tags: [] },
      link: '<http://[>; rel="next"',
      says: /is not a URL/,
    },
    {
      what: 'a Link to another host',
      body: { tags: [] },
      link: '<http://registry.example/v2/team/app/tags/list?last=a>; rel="next"',
      says: /leads to http:\/\/registry\.example, another host/,
    },
    {
      what: 'a Link to a neighbour',
      body: { tags: [] },
      link: '<http://169.254.169.254/latest>; rel="next"',
      says: /leads to http:\/\/169\.254\.169\.254, another host/,
    },
    {
      what: 'a Link to another port',
      body: { tags: [] },
      link: '<//127.0.0.1:1/v2/>; rel="next"',
      says: /leads to http:\/\/127\.0\.0\.1:1, another host/,
    },
  ];
  for (const { what, body, link, says } of strange) {
    it(`refuses ${what}`, async () => {
      await start();
      answerLists(link === undefined ? { body } : { body, link });
      const error = await rejection(all(client.tags(app())));
      expect(error).to.have.property('code', 'REGISTRY_ERROR');
      expect(error.message)
        .to.match(says)
        .and.match(/^listing the tags of 127\.0\.0\.1:\d+\/team\/app: /);
    });
  }

  it('ends pages that lead back to each other', async () => {
    await start();
    for (let round = 0; round < 3; round += 1) {
      answerLists(
        { body: { tags: ['a'] }, link: '</v2/team/app/tags/list?last=b>; rel="next"' },
        { body: { tags: ['b'] }, link: '</v2/team/app/tags/list?last=a>; rel="next"' },
      );
    }
    expect((await rejection(all(client.tags(app())))).message).to.match(/lists without end$/);
    expect(registry.requests).to.have.length(3);
  });

  it('ends pages that never bring anything', async () => {
    await start();
    for (let page = 0; page < 200; page += 1) {
      answerLists({ body: { tags: ['a'] }, link: `</v2/team/app/tags/list?page=${page}>; rel="next"` });
    }
    expect((await rejection(all(client.tags(app())))).message).to.match(/lists without end$/);
    expect(registry.requests.length).to.be.within(100, 110);
  });

  it('names a repository that is not there', async () => {
    await start();
    const error = await rejection(all(client.tags({ ...app(), repository: 'nobody/knows' })));
    expect(error).to.include({ code: 'REPOSITORY_NOT_FOUND', status: 404, registryCode: 'NAME_UNKNOWN' });
  });

  for (const [what, status] of [
    ['does not list its repositories', 404],
    ['forbids the list', 405],
  ] as const) {
    it(`says that a registry ${what} (${status})`, async () => {
      await start(status === 404 ? { catalog: false } : {});
      if (status !== 404) registry.faults.push({ url: /_catalog/, status });
      const error = await rejection(all(client.repositories(registry.host)));
      expect(error).to.include({ code: 'REGISTRY_UNSUPPORTED', status });
      expect(error.message).to.match(
        /^listing the repositories of .*: the registry does not tell them: GET http/,
      );
    });
  }

  it('stops when it is told to', async () => {
    await start();
    const reason = new Error('enough');
    const signal = AbortSignal.abort(reason);
    expect(await rejection(all(client.tags(app(), { signal })))).to.equal(reason);
  });
});

servicesDescribe('registry/lists on docker-registry', ({ registry }) => {
  let client: RegistryClient;
  before(() => {
    client = createRegistryClient();
  });
  after(() => client.close());

  it('lists what skopeo lists', async () => {
    const repository = `lists-${process.pid}/app`;
    const reference = { registry, repository };
    const image = makeIndex(['linux/amd64']);
    for (const tag of ['a', 'b', 'c']) await pushImage(client.sink(reference), image, tag);
    const tags = await all(client.tags(reference, { pageSize: 2 }));
    expect(tags.toSorted()).to.deep.equal(['a', 'b', 'c']);
    expect(tags).to.have.members(await skopeoTags(`${registry}/${repository}`));
  });

  it('lists repositories, however long the pages are', async () => {
    const names = ['a', 'b', 'c'].map((name) => `lists-${process.pid}/${name}`);
    for (const repository of names) {
      await pushImage(client.sink({ registry, repository }), makeIndex(['linux/amd64']), 'latest');
    }
    for (const pageSize of [1, undefined]) {
      const found = await all(client.repositories(registry, { pageSize }));
      expect(found).to.include.members(names);
      expect(new Set(found)).to.have.property('size', found.length);
    }
  });

  it('names a repository that is not there', async () => {
    const error = await rejection(all(client.tags({ registry, repository: 'nobody/knows' })));
    expect(error).to.have.property('code', 'REPOSITORY_NOT_FOUND');
  });
});

async function all(names: AsyncIterable<string>): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const name of names) found.push(name);
  return found;
}
