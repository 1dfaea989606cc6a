import { expect } from 'chai';
import { environmentOf, proxiesOf } from '../../packages/cli/src/sdk/environment.ts';

describe('the environment', () => {
  const rows: readonly [
    Readonly<Record<string, string>>,
    { http?: string; https?: string; noProxy?: string },
  ][] = [
    [{}, {}],
    [
      { HTTP_PROXY: 'a', HTTPS_PROXY: 'b', NO_PROXY: 'c' },
      { http: 'a', https: 'b', noProxy: 'c' },
    ],
    [
      { http_proxy: 'a', https_proxy: 'b', no_proxy: 'c' },
      { http: 'a', https: 'b', noProxy: 'c' },
    ],
    [{ HTTP_PROXY: 'upper', http_proxy: 'lower' }, { http: 'upper' }],
    [{ HTTP_PROXY: '', http_proxy: 'lower' }, { http: 'lower' }],
    [{ ALL_PROXY: 'all', FTP_PROXY: 'ftp' }, {}],
  ];
  for (const [variables, proxies] of rows) {
    it(`has the proxies of ${JSON.stringify(variables)}`, () => {
      const found = Object.entries(proxiesOf({ variables })).filter(([, value]) => value !== undefined);
      expect(Object.fromEntries(found)).to.deep.equal(proxies);
    });
  }

  const caches: readonly [Readonly<Record<string, string>>, string][] = [
    [{}, '/home/me/.cache/mabuild'],
    [{ XDG_CACHE_HOME: '/var/cache' }, '/var/cache/mabuild'],
    [{ XDG_CACHE_HOME: 'kept' }, '/here/kept/mabuild'],
    [{ MABUILD_CACHE: '/kept', XDG_CACHE_HOME: '/var/cache' }, '/kept'],
    [{ MABUILD_CACHE: './kept' }, '/here/kept'],
  ];
  for (const [variables, cacheDirectory] of caches) {
    it(`keeps its cache, of ${JSON.stringify(variables)}, in ${cacheDirectory}`, () => {
      const environment = environmentOf({
        ...{ variables, workingDirectory: '/here', homeDirectory: '/home/me', temporaryDirectory: 'tmp' },
      });
      expect(environment).to.include({ cacheDirectory, temporaryDirectory: '/here/tmp' });
    });
  }
});
