import { expect } from 'chai';
import { redirectOf } from '../../../packages/registry/src/http/redirect.ts';

interface Row {
  readonly from: string;
  readonly to: string | undefined;
  readonly method?: string;
  readonly status?: number;
  readonly insecure?: boolean;
}

function follow({ from, to, method = 'GET', status = 307, insecure = false }: Row): URL | undefined {
  const header = (name: string): string | undefined => (name === 'location' ? to : undefined);
  return redirectOf({ status, header }, { method, url: new URL(from), doing: 'reading a blob', insecure });
}

describe('registry/redirect', () => {
  const followed: readonly (Row & { readonly next: string | undefined })[] = [
    { from: 'https://r.example/v2/a', to: '/b', next: 'https://r.example/b' },
    { from: 'https://r.example/v2/a', to: 'b?c=d', next: 'https://r.example/v2/b?c=d' },
    { from: 'https://r.example/v2/a', to: '//s.example/b', next: 'https://s.example/b' },
    { from: 'https://r.example/a', to: 'https://s3.example/b?sig=1', next: 'https://s3.example/b?sig=1' },
    { from: 'http://r.example/a', to: 'https://s.example/b', next: 'https://s.example/b' },
    { from: 'http://r.example/a', to: 'http://s.example/b', next: 'http://s.example/b' },
    { from: 'https://r.example/a', to: 'http://r.example/b', next: 'https://r.example/b' },
    { from: 'https://r.example:5000/a', to: 'http://r.example/b', next: 'https://r.example:5000/b' },
    { from: 'https://r.example/a', to: 'http://s.example/b', insecure: true, next: 'http://s.example/b' },
    { from: 'https://10.0.0.5/a', to: 'https://10.0.0.5:9000/b', next: 'https://10.0.0.5:9000/b' },
    { from: 'http://localhost:5000/a', to: 'http://127.0.0.1:9000/b', next: 'http://127.0.0.1:9000/b' },
    { from: 'https://r.example/a', to: '/b', status: 301, next: 'https://r.example/b' },
    { from: 'https://r.example/a', to: '/b', status: 303, method: 'HEAD', next: 'https://r.example/b' },
    { from: 'https://r.example/a', to: '/b', status: 308, method: 'PUT', next: 'https://r.example/b' },
    { from: 'https://r.example/a', to: '/b', status: 302, method: 'PUT', next: undefined },
    { from: 'https://r.example/a', to: '/b', status: 303, method: 'POST', next: undefined },
    { from: 'https://r.example/a', to: '/b', status: 304, next: undefined },
    { from: 'https://r.example/a', to: '/b', status: 200, next: undefined },
    { from: 'https://r.example/a', to: undefined, next: undefined },
    { from: 'https://r.example/a', to: 'http://', next: undefined },
    { from: 'https://r.example/a', to: 'file:///etc/passwd', next: undefined },
    { from: 'https://r.example/a', to: 'javascript:alert(1)', next: undefined },
  ];
  for (const { next, ...row } of followed) {
    const { method = 'GET', status = 307, from, to } = row;
    it(`${method} ${from} answered ${status} ${to} goes to ${next}`, () => {
      expect(follow(row)?.href).to.equal(next);
    });
  }

  const refused: readonly (Row & { readonly says: RegExp })[] = [
    {
      from: 'https://r.example/a',
      to: 'http://s.example/b?sig=hush',
      says: /http:\/\/s\.example, where it would go on in the clear$/,
    },
    {
      from: 'https://r.example/a',
      to: 'https://169.254.169.254/latest?hush',
      says: /169\.254\.169\.254, a private address/,
    },
    {
      from: 'https://r.example/a',
      to: 'https://10.0.0.1:9000/b',
      says: /10\.0\.0\.1:9000, a private address/,
    },
    {
      from: 'https://r.example/a',
      to: 'https://localhost/b',
      says: /a private address that is not its own$/,
    },
    { from: 'https://r.example/a', to: 'https://127.1/b', says: /https:\/\/127\.0\.0\.1, a private/ },
    { from: 'https://r.example/a', to: 'https://0x7f000001/b', says: /https:\/\/127\.0\.0\.1, a private/ },
    { from: 'https://r.example/a', to: 'https://[::1]/b', says: /a private address/ },
    { from: 'https://r.example/a', to: 'https://[::ffff:10.0.0.1]/b', says: /a private address/ },
    { from: 'https://r.example/a', to: 'https://[fe80::1]/b', insecure: true, says: /a private address/ },
    { from: 'https://10.0.0.5/a', to: 'https://10.0.0.6/b', says: /a private address/ },
    { from: 'http://127.0.0.1:5000/a', to: 'http://169.254.169.254/b', says: /a private address/ },
    { from: 'https://r.example/a', to: 'https://10.0.0.1/b', method: 'PUT', says: /private address/ },
  ];
  for (const { says, ...row } of refused) {
    it(`${row.method ?? 'GET'} ${row.from} is not sent on to ${row.to}`, () => {
      let thrown: unknown;
      try {
        follow(row);
      } catch (error) {
        thrown = error;
      }
      expect(thrown).to.have.property('code', 'REGISTRY_ERROR');
      expect((thrown as Error).message)
        .to.match(says)
        .and.not.contain('hush');
      expect(thrown).to.have.property('hint').that.is.a('string');
    });
  }
});
