import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import type { RegistryConfig } from '../../packages/cli/src/config.ts';
import { certificateFolders, certificateSource } from '../../packages/cli/src/sdk/certificates.ts';
import { rejection } from '../support/rejection.ts';

const certificate = (name: string): string =>
  `-----BEGIN CERTIFICATE-----\n${name}\n-----END CERTIFICATE-----\n`;
const key = (name: string): string =>
  `-----BEGIN EC PRIVATE KEY-----\n${name}\n-----END EC PRIVATE KEY-----\n`;

describe('certificates of hosts', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mabuild-certificates-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  type Files = Readonly<Record<string, string>>;

  async function write(files: Files): Promise<void> {
    for (const [name, text] of Object.entries(files)) {
      await mkdir(dirname(join(directory, name)), { recursive: true });
      await writeFile(join(directory, name), text);
    }
  }

  /** What is found for a host; the folders of certs.d are `user` and `machine`. */
  async function find(
    host: string,
    files: Files,
    registries: Readonly<Record<string, RegistryConfig>> = {},
    variables: Readonly<Record<string, string>> = {},
  ) {
    await write(files);
    const place = { variables, homeDirectory: directory, workingDirectory: directory };
    const folders = [join(directory, 'user'), join(directory, 'machine')];
    return certificateSource(registries, place, folders).certificatesFor(host);
  }

  const rows: readonly {
    title: string;
    host: string;
    files: Files;
    registries?: Readonly<Record<string, RegistryConfig>>;
    found: { ca?: readonly string[]; cert?: string; key?: string } | undefined;
  }[] = [
    { title: 'nothing', host: 'r.example', files: {}, found: undefined },
    { title: 'an empty folder', host: 'r.example', files: { 'user/r.example/readme': '' }, found: undefined },
    {
      title: 'authorities by their ending, in order',
      host: 'r.example:5000',
      files: {
        'user/r.example:5000/b.crt': certificate('b'),
        'user/r.example:5000/a.crt': certificate('a'),
        'user/r.example:5000/notes.txt': 'no certificate',
        'user/r.example/other.crt': certificate('other'),
      },
      found: { ca: [certificate('a'), certificate('b')] },
    },
    {
      title: 'a client certificate with its key',
      host: 'r.example',
      files: { 'user/r.example/client.cert': certificate('me'), 'user/r.example/client.key': key('me') },
      found: { ca: [], cert: certificate('me'), key: key('me') },
    },
    {
      title: 'the first client certificate of several',
      host: 'r.example',
      files: {
        'user/r.example/b.cert': certificate('b'),
        'user/r.example/b.key': key('b'),
        'user/r.example/a.cert': certificate('a'),
        'user/r.example/a.key': key('a'),
      },
      found: { ca: [], cert: certificate('a'), key: key('a') },
    },
    {
      title: "the user's folder alone, where there are two",
      host: 'r.example',
      files: { 'user/r.example/u.crt': certificate('u'), 'machine/r.example/m.crt': certificate('m') },
      found: { ca: [certificate('u')] },
    },
    {
      title: "the machine's folder",
      host: 'r.example',
      files: { 'user/other/u.crt': certificate('u'), 'machine/r.example/m.crt': certificate('m') },
      found: { ca: [certificate('m')] },
    },
    {
      title: 'a folder that names the port of https',
      host: 'r.example',
      files: { 'machine/r.example:443/m.crt': certificate('m') },
      found: { ca: [certificate('m')] },
    },
    {
      title: 'Docker Hub by the name that people know',
      host: 'docker.io',
      files: { 'machine/docker.io/m.crt': certificate('m') },
      found: { ca: [certificate('m')] },
    },
    {
      title: 'Docker Hub by the host that serves it',
      host: 'docker.io',
      files: { 'machine/registry-1.docker.io/m.crt': certificate('m') },
      found: { ca: [certificate('m')] },
    },
    {
      title: 'the configuration, relative to its folder',
      host: 'r.example',
      files: { 'tls/ca.pem': certificate('c'), 'tls/me.pem': certificate('me'), 'tls/me.key': key('me') },
      registries: { 'r.example': { ca: 'tls/ca.pem', cert: 'tls/me.pem', key: 'tls/me.key' } },
      found: { ca: [certificate('c')], cert: certificate('me'), key: key('me') },
    },
    {
      title: 'a host of the configuration in another spelling',
      host: 'r.example',
      files: { 'ca.pem': certificate('c') },
      registries: { 'R.example:443': { ca: 'ca.pem' }, 'r.example:5000': { ca: 'missing.pem' } },
      found: { ca: [certificate('c')] },
    },
    {
      title: 'both: all authorities, and the client certificate of the configuration',
      host: 'r.example',
      files: {
        'ca.pem': certificate('c'),
        'me.pem': certificate('me'),
        'me.key': key('me'),
        'user/r.example/u.crt': certificate('u'),
        'user/r.example/u.cert': certificate('other'),
        'user/r.example/u.key': key('other'),
      },
      registries: { 'r.example': { ca: 'ca.pem', cert: 'me.pem', key: 'me.key' } },
      found: { ca: [certificate('c'), certificate('u')], cert: certificate('me'), key: key('me') },
    },
  ];
  for (const { title, host, files, registries, found } of rows) {
    it(`finds ${title}`, async () => {
      const { ca, cert, key: clientKey } = (await find(host, files, registries)) ?? {};
      expect({ ca, cert, key: clientKey }).to.deep.equal({
        ca: found?.ca,
        cert: found?.cert,
        key: found?.key,
      });
    });
  }

  it('keeps what NODE_EXTRA_CA_CERTS names, which Node.js forgets where it is told of others', async () => {
    const files = { 'user/r.example/u.crt': certificate('u'), 'extra.pem': certificate('extra') };
    const variables = { NODE_EXTRA_CA_CERTS: join(directory, 'extra.pem') };
    const found = await find('r.example', files, {}, variables);
    expect(found?.ca).to.deep.equal([certificate('u'), certificate('extra')]);
    expect(await find('other.example', files, {}, variables)).to.equal(undefined);
  });

  const bad: readonly {
    title: string;
    files: Files;
    registry?: RegistryConfig;
    says: RegExp;
  }[] = [
    {
      title: 'a client certificate without its key',
      files: { 'user/r.example/client.cert': certificate('me') },
      says: /^reading .*\/user\/r\.example: there is client\.cert and no client\.key$/,
    },
    {
      title: 'a key without its client certificate',
      files: { 'user/r.example/client.key': key('me'), 'user/r.example/ca.crt': certificate('ca') },
      says: /there is client\.key and no client\.cert$/,
    },
    {
      title: 'an authority that is no PEM',
      files: { 'machine/r.example/ca.crt': '\u0030\u0082' },
      says: /^reading .*\/machine\/r\.example\/ca\.crt: it holds no certificate in PEM$/,
    },
    {
      title: 'a key where the certificate should be',
      files: { 'user/r.example/a.cert': key('hush'), 'user/r.example/a.key': key('hush') },
      says: /a\.cert: it holds no certificate in PEM$/,
    },
    {
      title: 'a certificate where the key should be',
      files: { 'user/r.example/a.cert': certificate('a'), 'user/r.example/a.key': certificate('a') },
      says: /a\.key: it holds no private key in PEM$/,
    },
    {
      title: 'a folder where a file should be',
      files: { 'user/r.example/ca.crt/file': '' },
      says: /ca\.crt: it cannot be read \(EISDIR\)$/,
    },
    {
      title: 'a file that the configuration names and that there is not',
      files: {},
      registry: { ca: 'missing.pem' },
      says: /^reading .*\/missing\.pem: there is no such file$/,
    },
    {
      title: 'a certificate of the configuration without a key',
      files: { 'me.pem': certificate('me') },
      registry: { cert: 'me.pem' },
      says: /^registries of the configuration: r\.example has cert and no key$/,
    },
    {
      title: 'a key of the configuration without a certificate',
      files: { 'me.key': key('hush') },
      registry: { key: 'me.key' },
      says: /^registries of the configuration: r\.example has key and no cert$/,
    },
  ];
  for (const { title, files, registry, says } of bad) {
    it(`refuses ${title}`, async () => {
      const error = await rejection(find('r.example', files, registry && { 'r.example': registry }));
      expect(error).to.have.property('code', 'CERTIFICATES_INVALID');
      expect(error.message).to.match(says).and.not.contain('hush');
      expect(error).to.have.property('hint').that.is.a('string');
    });
  }

  it('passes over a folder that only others may read', async function () {
    if (process.getuid?.() === 0) this.skip();
    const files = { 'user/r.example/u.crt': certificate('u'), 'machine/r.example/m.crt': certificate('m') };
    await write(files);
    await chmod(join(directory, 'user/r.example'), 0);
    expect((await find('r.example', {}))?.ca).to.deep.equal([certificate('m')]);
  });

  it('reads nothing of hosts that nobody talks to', async () => {
    const registries = { 'other.example': { ca: 'missing.pem' } };
    expect(await find('r.example', { 'user/third.example/x.cert': '' }, registries)).to.equal(undefined);
  });

  const places: readonly [Readonly<Record<string, string>>, readonly string[]][] = [
    [{}, ['/home/me/.config/containers/certs.d', '/home/me/.docker/certs.d']],
    [{ XDG_CONFIG_HOME: '/xdg' }, ['/xdg/containers/certs.d', '/home/me/.docker/certs.d']],
    [{ DOCKER_CONFIG: '/docker' }, ['/home/me/.config/containers/certs.d', '/docker/certs.d']],
  ];
  for (const [variables, folders] of places) {
    it(`looks into ${folders.join(', ')} and /etc`, () => {
      expect(certificateFolders({ variables, homeDirectory: '/home/me' })).to.deep.equal([
        ...folders,
        '/etc/containers/certs.d',
        '/etc/docker/certs.d',
      ]);
    });
  }
});
