import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { join } from 'node:path';
import { freePort, startProcess } from './process.mjs';

/** The only user of the registries with a password; the hash is bcrypt of the password, as `htpasswd -B` makes it. */
export const testUser = {
  name: 'ci',
  password: 'ci-pass',
  htpasswd: 'ci:$2y$05$mLKgITFkqZdd78i1l78Z..laYJOVC9tWgheZFbbnYcD.cIp/70Uoi\n',
};

/**
 * Starts a docker-registry on a free loopback port with its data in `dir`.
 *
 * @param {string} name
 * @param {{ dir: string, htpasswd?: boolean,
 *   tls?: { key: string, certificate: string, client?: { authority: string, key: string, certificate: string } },
 *   token?: { realm: string, issuer: string, certificate: string } }} options certificates and keys are file paths;
 *   with `client` only callers whose certificate the authority signed are let in, as that one is
 * @returns {Promise<{ host: string, url: string, data: string, stop(): Promise<void> }>}
 */
export async function startRegistry(name, options) {
  const dir = join(options.dir, name);
  await mkdir(join(dir, 'data'), { recursive: true });
  const log = join(dir, 'registry.log');
  // Another process may take a free port before the registry does: a few tries.
  for (let attempt = 1; ; attempt++) {
    const host = `127.0.0.1:${await freePort()}`;
    const url = `${options.tls ? 'https' : 'http'}://${host}`;
    await writeFile(join(dir, 'config.yml'), JSON.stringify(await config(dir, host, options), undefined, 2));
    const registry = await startProcess(
      `registry ${name}`,
      'docker-registry',
      ['serve', join(dir, 'config.yml')],
      {
        log,
        env: { OTEL_TRACES_EXPORTER: 'none' },
      },
    );
    try {
      await registry.ready(async () => [200, 401].includes(await status(`${url}/v2/`, options.tls?.client)));
      return { host, url, data: join(dir, 'data'), stop: () => registry.stop(3000) };
    } catch (error) {
      await registry.stop(0);
      if (attempt === 3) throw error;
    }
  }
}

async function config(dir, host, { htpasswd, tls, token }) {
  if (htpasswd) await writeFile(join(dir, 'htpasswd'), testUser.htpasswd);
  return {
    version: 0.1,
    log: { level: 'warn', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: join(dir, 'data') }, delete: { enabled: true } },
    http: {
      addr: host,
      secret: 'loopback only',
      ...(tls && {
        tls: {
          certificate: tls.certificate,
          key: tls.key,
          ...(tls.client && { clientcas: [tls.client.authority] }),
        },
      }),
    },
    ...(htpasswd && { auth: { htpasswd: { realm: 'mabuild tests', path: join(dir, 'htpasswd') } } }),
    ...(token && {
      auth: {
        token: {
          realm: token.realm,
          service: 'mabuild-tests',
          issuer: token.issuer,
          rootcertbundle: token.certificate,
        },
      },
    }),
  };
}

async function status(url, client) {
  const certificates = client && {
    cert: await readFile(client.certificate),
    key: await readFile(client.key),
  };
  const request = url.startsWith('https:') ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    request(url, { rejectUnauthorized: false, timeout: 2000, ...certificates }, (response) => {
      response.resume();
      resolve(response.statusCode);
    })
      .on('timeout', function () {
        this.destroy(new Error('no answer'));
      })
      .on('error', reject)
      .end();
  });
}
