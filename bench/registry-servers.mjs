import { spawn } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { freePort, pause, startProcess } from '../scripts/lib/process.mjs';
import { run } from '../scripts/lib/run.mjs';

/**
 * A docker-registry with an address that nobody has seen before, so that no tool remembers what it holds.
 *
 * @param {{ dir: string, data: string, delay?: number, tls?: { key: string, certificate: string } }} options `dir` for its
 *   files, `data` where it keeps images; `delay`: milliseconds of round trip to add
 * @returns {Promise<{ host: string, requests(): Promise<number>, stop(): Promise<void> }>}
 */
export async function startRegistry({ dir, data, delay = 0, tls }) {
  const port = await freePort();
  const name = join(dir, `registry-${port}`);
  const config = {
    version: '0.1',
    log: { level: 'error', accesslog: { disabled: false } },
    storage: { filesystem: { rootdirectory: data }, delete: { enabled: true } },
    http: { addr: `127.0.0.1:${port}`, ...(tls && { tls: { certificate: tls.certificate, key: tls.key } }) },
  };
  await mkdir(data, { recursive: true });
  await writeFile(`${name}.json`, JSON.stringify(config));
  const server = await startProcess('docker-registry', 'docker-registry', ['serve', `${name}.json`], {
    log: `${name}.log`,
  });
  const asked = async () =>
    (await readFile(`${name}.log`, 'utf8')).match(/ HTTP\/\d[^"]*" \d{3} /g)?.length ?? 0;
  const probe = ['-sk', '--fail', `${tls ? 'https' : 'http'}://127.0.0.1:${port}/v2/`];
  await server.ready(async () => (await run('curl', probe)) !== undefined);
  await pause(50);
  const before = await asked();
  const proxy = delay > 0 ? await startDelay(`127.0.0.1:${port}`, delay) : undefined;
  return {
    host: proxy?.host ?? `127.0.0.1:${port}`,
    async requests() {
      await pause(100);
      return (await asked()) - before;
    },
    async stop() {
      proxy?.stop();
      await server.stop();
    },
  };
}

async function startDelay(target, milliseconds) {
  const script = new URL('delay-proxy.mjs', import.meta.url).pathname;
  const child = spawn(process.execPath, [script, target, String(milliseconds)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const kill = () => child.kill();
  process.once('exit', kill);
  for await (const host of createInterface({ input: child.stdout })) {
    return {
      host,
      stop() {
        process.off('exit', kill);
        kill();
      },
    };
  }
  throw new Error('the delaying proxy did not start');
}

/** A certificate for 127.0.0.1 that vouches for itself; `folder` is what skopeo takes for --dest-cert-dir. */
export async function makeCertificate(dir) {
  const folder = join(dir, 'certs');
  await mkdir(folder, { recursive: true });
  const [key, certificate] = [join(dir, 'key.pem'), join(folder, 'ca.crt')];
  await run('openssl', [
    ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost'],
    ...['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout', key, '-out', certificate],
  ]);
  return { key, certificate, folder };
}
