import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { createWebClient, type WebAnswer } from '@mabuild/registry';
import { startTestRegistry, type TestRegistry } from '@mabuild/registry/testing';
import { expect } from 'chai';
import { closedAfterEach } from '../../support/closed-after-each.ts';
import { startConnectProxy } from '../../support/connect-proxy.ts';
import { rejection } from '../../support/rejection.ts';

describe('registry/web-client', () => {
  const keep = closedAfterEach();
  const textOf = async ({ body }: WebAnswer): Promise<string> =>
    (await buffer(Readable.from(body))).toString();

  async function pages(): Promise<TestRegistry> {
    return keep(await startTestRegistry());
  }

  it('reads through a proxy, and follows redirects', async () => {
    const site = await pages();
    const proxy = keep(await startConnectProxy({ hosts: { 'site.test': site.host } }));
    const web = keep(createWebClient({ proxies: { http: proxy.host } }));
    site.faults.push(
      { url: /^\/sums/, status: 302, headers: { location: '/there?a=b' } },
      { url: /^\/there/, status: 200, body: 'sums' },
    );
    const answer = await web.ask('http://site.test/sums', { method: 'GET' });
    expect(answer).to.include({ status: 200, ok: true });
    expect(await textOf(answer)).to.equal('sums');
    expect(proxy.requests).to.deep.equal(['GET http://site.test/sums', 'GET http://site.test/there']);
  });

  it('answers with any status', async () => {
    const site = await pages();
    const web = keep(createWebClient());
    site.faults.push({ status: 404, body: 'no' });
    expect(await web.ask(`http://${site.host}/x`, { method: 'HEAD' })).to.include({ status: 404, ok: false });
  });

  const refused: readonly [string, string, RegExp][] = [
    ['to a private address', 'http://169.254.169.254/latest', /a private address that is not its own$/],
    ['in circles', '/x', /redirects without end$/],
  ];
  for (const [title, location, message] of refused) {
    it(`follows no redirects ${title}`, async () => {
      const site = await pages();
      const web = keep(createWebClient());
      site.faults.push({ status: 302, headers: { location }, times: 99 });
      const error = await rejection(web.ask(`http://${site.host}/x?token=hush`, { method: 'GET' }));
      expect(error.message).to.match(message).and.not.contain('hush');
    });
  }

  it('ends with an abort', async () => {
    const site = await pages();
    const web = keep(createWebClient());
    site.faults.push({ hang: true });
    const controller = new AbortController();
    const asked = web.ask(`http://${site.host}/`, { method: 'GET', signal: controller.signal });
    const reason = new Error('enough');
    setTimeout(() => controller.abort(reason), 20);
    expect(await rejection(asked)).to.equal(reason);
  });
});
