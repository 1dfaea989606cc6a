import { Agent } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServer, type Server, type Socket } from 'node:net';
import { copyImage } from '@mabuild/oci';
import { createRegistryClient } from '@mabuild/registry';
import { startTestRegistry } from '@mabuild/registry/testing';
import { expect } from 'chai';
import { createAgents } from '../../../packages/registry/src/http/agents.ts';
import { proxyChoice } from '../../../packages/registry/src/http/proxy-choice.ts';
import { createTlsSettings, type TlsOptions } from '../../../packages/registry/src/http/tls-settings.ts';
import { type Authority, makeAuthority } from '../../support/certificates.ts';
import { startConnectProxy } from '../../support/connect-proxy.ts';
import { makeIndex } from '../../support/image.ts';
import { useRegistries } from '../../support/registries.ts';
import { rejection } from '../../support/rejection.ts';

describe('registry/agents', () => {
  const { clientWith } = useRegistries();
  let authority: Authority;
  before(() => {
    authority = makeAuthority();
  });
  after(() => authority.close());

  const open: { close(): unknown }[] = [];
  afterEach(async () => {
    await Promise.all(open.splice(0).map((part) => part.close()));
  });

  function agentsWith(given: Readonly<Record<string, TlsOptions>> = {}) {
    const settings = createTlsSettings({
      given: new Map(Object.entries(given)),
      insecure: new Set(['lax.test:5000']),
    });
    const proxyOf = proxyChoice({ https: 'http://proxy.test:3128', noProxy: 'straight.test' });
    const agents = createAgents({ settings, proxyOf, connectTimeout: 1000 });
    open.push(agents);
    return (url: string): Promise<Agent> => agents.for(new URL(url));
  }

  it('keeps connections to ordinary hosts together', async () => {
    const agentFor = agentsWith();
    expect(await agentFor('http://a.test/')).to.equal(await agentFor('http://b.test:5000/v2/'));
    expect(await agentFor('https://a.test/')).to.equal(await agentFor('https://b.test/'));
    expect(await agentFor('https://a.straight.test/')).to.equal(await agentFor('https://straight.test/'));
    const kinds = ['http://a.test/', 'https://a.test/', 'https://straight.test/'].map(agentFor);
    expect(new Set(await Promise.all(kinds)).size).to.equal(3);
  });

  it('keeps hosts with settings of their own apart', async () => {
    const agentFor = agentsWith({ 'own.test': authority.issue('DNS:me') });
    const urls = [
      'https://own.test/',
      'https://own.test:5000/',
      'https://lax.test:5000/',
      'https://lax.test/',
    ];
    const [own, otherPort, lax, strict] = await Promise.all(urls.map(agentFor));
    expect(new Set([own, otherPort, lax]).size).to.equal(3);
    expect(strict).to.equal(otherPort);
    expect(await agentFor('https://own.test/v2/')).to.equal(own);
  });

  it('makes one agent for requests side by side', async () => {
    const agentFor = agentsWith({ 'own.test': { ca: authority.ca } });
    for (const url of ['https://own.test/', 'https://a.test/', 'https://straight.test/', 'http://a.test/']) {
      const agents = await Promise.all([1, 2, 3].map(() => agentFor(url)));
      expect(new Set(agents).size, url).to.equal(1);
      expect(agents[0]).to.be.instanceOf(Agent);
    }
  });

  it('opens as many connections as there are jobs, and uses them again', async () => {
    const tls = authority.issue('DNS:from.test', 'DNS:to.test');
    const [from, to] = [await startTestRegistry({ tls }), await startTestRegistry({ tls, latency: 4 })];
    const proxy = await startConnectProxy({ hosts: { 'from.test:443': from.host, 'to.test:443': to.host } });
    open.push(from, to, proxy);
    const ca = { ca: authority.ca };
    const client = clientWith({ proxies: { https: proxy.host }, tls: { 'from.test': ca, 'to.test': ca } });
    const image = makeIndex(
      ['amd64', 'arm64', 'arm/v7', 'arm/v6', 's390x'].map((name) => `linux/${name}`),
      80_000,
    );
    const reference = (registry: string) => ({ registry, repository: 'team/app', tag: 'latest' });
    const jobs = 4;
    await copyImage(image.source, client.sink(reference('from.test')), { tags: ['latest'], jobs });
    await copyImage(await client.resolve(reference('from.test')), client.sink(reference('to.test')), {
      tags: ['latest'],
      jobs,
    });
    expect(to.tagOf('team/app', 'latest')).to.equal(image.root.digest);
    for (const host of ['from.test:443', 'to.test:443']) {
      const connections = proxy.requests.filter((line) => line === `CONNECT ${host}`);
      expect(connections.length, host).to.be.within(1, jobs);
    }
    expect(client.events).to.deep.equal([]);
  });

  describe('with a host that takes connections and says nothing', () => {
    let server: Server;
    const sockets: Socket[] = [];
    before((done) => {
      server = createServer((socket) => sockets.push(socket)).listen(0, '127.0.0.1', done);
    });
    after(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });

    it('gives up on TLS that does not come about', async () => {
      const registry = `127.0.0.1:${(server.address() as AddressInfo).port}`;
      const client = createRegistryClient({
        mirrors: { [registry]: [`https://${registry}`] },
        timeouts: { connect: 50, silence: 100 },
        retry: { attempts: 1 },
      });
      open.push(client);
      const error = await rejection(client.resolve({ registry, repository: 'team/app', tag: 'latest' }));
      expect(error).to.have.property('code', 'REGISTRY_UNREACHABLE');
      expect(error.message).to.match(/did not answer in time \(ETIMEDOUT\)$/);
    });
  });
});
