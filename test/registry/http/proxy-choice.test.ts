import { expect } from 'chai';
import { type ProxyOptions, proxyChoice } from '../../../packages/registry/src/http/proxy-choice.ts';

const both: ProxyOptions = { http: 'http://plain.proxy:3128', https: 'http://secure.proxy:3128' };

describe('registry/proxy-choice', () => {
  const chosen: readonly [string, ProxyOptions, string | undefined][] = [
    ['http://r.example/', both, 'plain.proxy:3128'],
    ['https://r.example/', both, 'secure.proxy:3128'],
    ['https://r.example/', { http: 'http://plain.proxy:3128' }, undefined],
    ['https://r.example/', {}, undefined],
    ['https://r.example/', { https: '' }, undefined],
    ['https://r.example/', { https: 'proxy.example:8080' }, 'proxy.example:8080'],
    ['https://r.example/', { https: 'proxy.example' }, 'proxy.example'],
    ['https://r.example/', { https: 'HTTPS://proxy.example:8443/' }, 'proxy.example:8443'],
    ['https://r.example/', { https: ' http://u:p@proxy.example:1 ' }, 'proxy.example:1'],
    ['http://localhost:5000/', both, undefined],
    ['https://localhost/', both, undefined],
    ['http://127.0.0.1:5000/', both, undefined],
    ['http://127.8.9.1:5000/', both, undefined],
    ['http://[::1]:5000/', both, undefined],
    ['http://10.1.2.3:5000/', both, 'plain.proxy:3128'],
  ];
  for (const [url, options, host] of chosen) {
    it(`${url} with ${JSON.stringify(options)} goes ${host === undefined ? 'straight' : `to ${host}`}`, () => {
      expect(proxyChoice(options)(new URL(url))?.host).to.equal(host);
    });
  }

  const excepted: readonly [string, string, boolean][] = [
    ['*', 'https://r.example/', true],
    ['a.example, *', 'https://r.example/', true],
    ['r.example', 'https://r.example/', true],
    ['r.example', 'https://a.r.example/', true],
    ['r.example', 'https://xr.example/', false],
    ['R.Example', 'https://r.eXAMPLE/', true],
    ['.r.example', 'https://r.example/', false],
    ['.r.example', 'https://a.r.example/', true],
    ['*.r.example', 'https://a.b.r.example/', true],
    ['*.r.example', 'https://r.example/', false],
    ['r.example:443', 'https://r.example/', true],
    ['r.example:443', 'http://r.example/', false],
    ['r.example:5000', 'https://r.example:5000/', true],
    ['r.example:5000', 'https://r.example/', false],
    ['.example:5000', 'https://r.example:5000/', true],
    ['a.example,,  r.example ,', 'https://r.example/', true],
    ['10.0.0.0/8', 'http://10.200.3.4/', true],
    ['10.0.0.0/8', 'http://11.0.0.1/', false],
    ['10.0.0.0/8', 'http://ten.example/', false],
    ['fd00::/8', 'http://[fd12::1]/', true],
    ['fd00::/8', 'http://[fe80::1]/', false],
    ['192.168.1.1', 'http://192.168.1.1:5000/', true],
    ['192.168.1.1:5000', 'http://192.168.1.1:5000/', true],
    ['192.168.1.1:5000', 'http://192.168.1.1/', false],
    ['[fd12::1]:5000', 'http://[fd12::1]:5000/', true],
    ['fd12::1', 'http://[fd12::1]:5000/', true],
    ['10.0.0.0/99', 'http://10.0.0.1/', false],
    ['999.0.0.0/8', 'http://10.0.0.1/', false],
    [':5000', 'http://r.example:5000/', false],
    ['', 'http://r.example/', false],
    ['docker.io', 'https://registry-1.docker.io/', true],
  ];
  for (const [noProxy, url, straight] of excepted) {
    it(`${url} ${straight ? 'is' : 'is not'} excepted by ${JSON.stringify(noProxy)}`, () => {
      const proxy = proxyChoice({ ...both, noProxy })(new URL(url));
      expect(proxy === undefined).to.equal(straight);
    });
  }

  const bad: readonly [string, RegExp][] = [
    ['http://', /is not a URL/],
    ['http://a b', /is not a URL/],
    ['http://user:hush@proxy:99999', /is not a URL/],
    ['socks5://user:hush@proxy:1080', /socks5:\/\/, which is not supported/],
    ['file:///etc/passwd', /file:\/\/, which is not supported/],
    ['http://user:hush%zz@proxy:3128', /user or password with a %/],
  ];
  for (const [https, message] of bad) {
    it(`${https} is refused, and its password not shown`, () => {
      let thrown: unknown;
      try {
        proxyChoice({ https })(new URL('https://r.example/'));
      } catch (error) {
        thrown = error;
      }
      expect(proxyChoice({ https })(new URL('https://localhost/'))).to.equal(undefined);
      expect(thrown).to.have.property('code', 'INVALID_PROXY');
      expect((thrown as Error).message)
        .to.match(message)
        .and.not.contain('hush');
    });
  }
});
