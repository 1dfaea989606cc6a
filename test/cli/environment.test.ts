import { execFileSync } from 'node:child_process';
import { userInfo } from 'node:os';
import { pathToFileURL } from 'node:url';
import { expect } from 'chai';
import { environmentOf, proxiesOf } from '../../packages/cli/src/sdk/environment.ts';

/** Of a user with no name and no home. */
const unlisted = 4_242_424;

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
    [{ XDG_CACHE_HOME: 'kept' }, '/home/me/.cache/mabuild'],
    [{ XDG_CACHE_HOME: '' }, '/home/me/.cache/mabuild'],
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

  const listed = userInfo().homedir;
  for (const [variables, home] of [
    [{ HOME: '/home/me' }, '/home/me'],
    [{ HOME: '' }, listed],
    [{}, listed],
  ] as const)
    it(`is at home in ${home} with ${JSON.stringify(variables)}`, () => {
      expect(environmentOf({ variables }).homeDirectory).to.equal(home);
    });

  it('is at home in the root as a user that the system does not list', function () {
    if (process.getuid?.() !== 0 || process.platform !== 'linux') this.skip();
    const module = pathToFileURL('packages/cli/src/sdk/environment.ts').href;
    const script = `
      const { environmentOf } = await import(${JSON.stringify(module)});
      process.setuid(${unlisted});
      process.stdout.write(environmentOf({ variables: {} }).cacheDirectory);
    `;
    const told = execFileSync(process.execPath, [...process.execArgv, '--input-type=module', '-e', script]);
    expect(told.toString()).to.equal('/.cache/mabuild');
  });
});
