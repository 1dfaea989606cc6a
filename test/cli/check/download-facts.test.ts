import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createWebClient } from '@mabuild/registry';
import { expect } from 'chai';
import { downloadFacts } from '../../../packages/cli/src/sdk/check/download-facts.ts';

describe('downloadFacts', () => {
  let server: Server;
  let base = '';
  const asked: string[] = [];

  before((done) => {
    server = createServer((request, response) => {
      asked.push(`${request.method} ${request.url}`);
      const path = request.url ?? '';
      if (path === '/moved') response.writeHead(302, { location: '/there' }).end();
      else if (path === '/there') response.end('text');
      else if (path === '/broken') response.destroy();
      else if (path === '/large') response.end('x'.repeat((1 << 20) + 1));
      else response.writeHead(path === '/busy' ? 503 : 404).end();
    }).listen(0, '127.0.0.1', () => {
      base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      done();
    });
  });
  const web = createWebClient();
  after(async () => {
    await web.close();
    server.close();
  });

  const rows: readonly [path: string, exists: boolean | undefined, text: string | undefined][] = [
    ['/there', true, 'text'],
    ['/moved', true, 'text'],
    ['/absent', false, undefined],
    ['/busy', undefined, undefined],
    ['/broken', undefined, undefined],
    ['/large', true, undefined],
  ];
  for (const [path, exists, text] of rows) {
    it(path, async () => {
      const facts = downloadFacts(web);
      expect(await facts.exists(base + path)).to.equal(exists);
      expect(await facts.read(base + path)).to.equal(text);
    });
  }

  it('asks once for an address, and with HEAD where that is enough', async () => {
    asked.length = 0;
    const facts = downloadFacts(web);
    await Promise.all([facts.exists(`${base}/there`), facts.exists(`${base}/there`)]);
    await facts.exists(`${base}/there`);
    expect(asked).to.deep.equal(['HEAD /there']);
  });

  it('ends with the reason of an abort', async () => {
    const reason = new Error('enough');
    const facts = downloadFacts(web, AbortSignal.abort(reason));
    expect(await facts.exists(`${base}/there`).catch((error) => error)).to.equal(reason);
  });
});
