import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pause } from '../scripts/lib/process.mjs';
import { which } from '../scripts/lib/run.mjs';
import { inTurns, printTable, timeCommand } from './measure.mjs';
import { makeImage } from './registry-image.mjs';
import { makeCertificate, startRegistry } from './registry-servers.mjs';

/**
 * Pushing, copying and mounting an image of three platforms and 300 MB, by mabuild, skopeo and what else the machine has
 * of crane, regctl and oras: on loopback, and with a round trip of 40 ms over TLS; requests counted.
 *
 * @param {{ dir: string, mabuild: readonly string[], rounds: number }} options
 */
export async function benchRegistry({ dir, mabuild, rounds, only = '' }) {
  if (!(await which('docker-registry')) || !(await which('skopeo'))) {
    console.log('\nregistries: skipped, they need docker-registry and skopeo');
    return;
  }
  const layout = join(dir, 'image');
  const bytes = await makeImage(layout);
  const tls = await makeCertificate(dir);
  for (const [where, link] of [
    ['loopback, http', {}],
    ['40 ms round trip, http', { delay: 40 }],
    ['40 ms round trip, TLS', { delay: 40, tls }],
  ]) {
    if (!where.includes(only)) continue;
    const tools = await findTools({ dir, mabuild, tls: link.tls });
    await benchLink({ dir, layout, tools, rounds, link, where: `${(bytes / 1e6).toFixed(0)} MB, ${where}` });
  }
  await benchMemory({ dir, mabuild });
}

async function benchLink({ dir, layout, tools, rounds, link, where }) {
  const requests = {};
  // The source of copies: filled once, and looked at through an address of its own for each run.
  const filled = join(dir, 'filled');
  await withRegistries(dir, [{ data: filled, ...link }], ([registry]) =>
    tools[0].push(layout, registry.host),
  );

  /** Times one tool at registries of its own; what it asked of all of them is counted. */
  const timed = (scenario, tool, makeRegistries, prepare, act) => async (round) => {
    const fresh = join(dir, `data-${tool.key}-${round}`);
    try {
      return await withRegistries(dir, makeRegistries(fresh), async (registries) => {
        await prepare(...registries);
        // What a tool remembers of manifests would spare it requests.
        await rm(join(dir, 'cache'), { recursive: true, force: true });
        const before = await countAll(registries);
        const seconds = await act(...registries);
        const count = (await countAll(registries)) - before;
        requests[scenario] = { ...requests[scenario], [tool.name]: count };
        return seconds;
      });
    } finally {
      await rm(fresh, { recursive: true, force: true });
    }
  };
  const one = (data) => [{ data, ...link }];
  const two = (data) => [
    { data: filled, ...link },
    { data, ...link },
  ];
  const nothing = async () => undefined;
  const push = (tool) => (registry) => tool.push(layout, registry.host);
  const copy = (tool) => (from, to) => tool.copy(`${from.host}/bench/app:1`, `${to.host}/bench/app:1`);
  const scenarios = {
    push: (tool) => ({ registries: one, prepare: nothing, act: push(tool) }),
    'push again, all there': (tool) => ({ registries: one, prepare: push(tool), act: push(tool) }),
    'copy to another registry': (tool) => ({ registries: two, prepare: nothing, act: copy(tool) }),
    'copy again, all there': (tool) => ({ registries: two, prepare: copy(tool), act: copy(tool) }),
    'copy to another repository of the registry': (tool, round) => ({
      registries: one,
      prepare: push(tool),
      act: (registry) =>
        tool.copy(
          `${registry.host}/bench/app:1`,
          `${registry.host}/bench/${tool.key}-${round}-${Date.now()}:1`,
        ),
    }),
  };
  for (const [name, scenario] of Object.entries(scenarios)) {
    const competitors = Object.fromEntries(
      tools.map((tool) => [
        tool.name,
        (round) => {
          const { registries, prepare, act } = scenario(tool, round);
          return timed(name, tool, registries, prepare, act)(round);
        },
      ]),
    );
    printTable(`${name}: ${where}`, await inTurns(competitors, rounds));
    const counts = Object.entries(requests[name]).map(([tool, count]) => `${tool} ${count}`);
    console.log(`  requests: ${counts.join(', ')}`);
  }
  await rm(filled, { recursive: true });
}

async function withRegistries(dir, descriptions, body) {
  const registries = [];
  try {
    for (const description of descriptions) registries.push(await startRegistry({ dir, ...description }));
    return await body(registries);
  } finally {
    for (const registry of registries) await registry.stop();
  }
}

async function countAll(registries) {
  let sum = 0;
  for (const registry of registries) sum += await registry.requests();
  return sum;
}

async function findTools({ dir, mabuild, tls }) {
  const certificates = join(dir, 'mabuild.config.json');
  const env = {
    ...process.env,
    DOCKER_CONFIG: join(dir, 'docker'),
    SSL_CERT_FILE: tls?.certificate,
    XDG_CACHE_HOME: join(dir, 'cache'),
  };
  const time = (line) => timeCommand(line, { env });
  const skopeo = ['skopeo', 'copy', '--all', '--preserve-digests'];
  const verify = (side) => (tls ? [`--${side}-cert-dir`, tls.folder] : [`--${side}-tls-verify=false`]);
  const plain = (flag) => (tls ? [] : [flag]);
  const app = (host) => `${host}/bench/app:1`;
  const trusting = async (hosts) => {
    const entries = tls ? hosts.map((host) => [host, { ca: tls.certificate }]) : [];
    await writeFile(certificates, JSON.stringify({ registries: Object.fromEntries(entries) }));
    return ['--config', certificates];
  };
  const hostOf = (reference) => reference.split('/')[0];
  const tools = [
    {
      key: 'mabuild',
      push: async (layout, host) =>
        time([...mabuild, 'copy', `oci:${layout}:1`, app(host), ...(await trusting([host]))]),
      copy: async (from, to) =>
        time([...mabuild, 'copy', from, to, ...(await trusting([hostOf(from), hostOf(to)]))]),
    },
    {
      key: 'skopeo',
      push: (layout, host) =>
        time([...skopeo, ...verify('dest'), `oci:${layout}:1`, `docker://${app(host)}`]),
      copy: (from, to) =>
        time([...skopeo, ...verify('src'), ...verify('dest'), `docker://${from}`, `docker://${to}`]),
    },
    {
      key: 'crane',
      push: (layout, host) => time(['crane', 'push', '--index', layout, app(host)]),
      copy: (from, to) => time(['crane', 'copy', from, to]),
    },
    {
      key: 'oras',
      push: (layout, host) =>
        time(['oras', 'cp', '--from-oci-layout', ...plain('--to-plain-http'), `${layout}:1`, app(host)]),
      copy: (from, to) =>
        time(['oras', 'cp', ...plain('--from-plain-http'), ...plain('--to-plain-http'), from, to]),
    },
  ];
  const found = await Promise.all(tools.map(({ key }) => key === 'mabuild' || which(key)));
  return tools.filter((_, at) => found[at]).map((tool) => ({ ...tool, name: tool.key }));
}

/** The most memory that the command has resident while it pushes a blob of 2 GB from a layout, and pulls it to one. */
async function benchMemory({ dir, mabuild }) {
  const layout = join(dir, 'large');
  const bytes = await makeLargeImage(layout, 2_000_000_000);
  const data = join(dir, 'data-large');
  await withRegistries(dir, [{ data }], async ([registry]) => {
    const reference = `${registry.host}/bench/large:1`;
    const pulled = join(dir, 'pulled');
    console.log(`\nmemory, one blob of ${bytes / 1e9} GB`);
    for (const [name, from, to] of [
      ['push', `oci:${layout}:1`, reference],
      ['pull', reference, `oci:${pulled}:1`],
    ]) {
      const { megabytes, seconds } = await peakOf([...mabuild, 'copy', from, to]);
      console.log(`  ${name}: at most ${megabytes.toFixed(0)} MB resident, ${seconds.toFixed(1)} s`);
    }
    await rm(pulled, { recursive: true });
  });
  await rm(layout, { recursive: true });
  await rm(data, { recursive: true });
}

async function makeLargeImage(dir, size) {
  const blobs = join(dir, 'blobs', 'sha256');
  await mkdir(blobs, { recursive: true });
  const zeros = Buffer.alloc(10_000_000);
  const hash = createHash('sha256');
  const temporary = join(dir, 'layer');
  const file = await open(temporary, 'w');
  for (let written = 0; written < size; written += zeros.length) hash.update(zeros);
  // Zeros that take no room on the disk.
  await file.truncate(size);
  await file.close();
  const digest = hash.digest('hex');
  const { rename } = await import('node:fs/promises');
  await rename(temporary, join(blobs, digest));
  const add = async (mediaType, content) => {
    const text = JSON.stringify(content);
    const hex = createHash('sha256').update(text).digest('hex');
    await writeFile(join(blobs, hex), text);
    return { mediaType, digest: `sha256:${hex}`, size: Buffer.byteLength(text) };
  };
  const layer = { mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: `sha256:${digest}`, size };
  const rootfs = { type: 'layers', diff_ids: [layer.digest] };
  const config = await add('application/vnd.oci.image.config.v1+json', {
    os: 'linux',
    architecture: 'arm64',
    rootfs,
  });
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const root = await add(mediaType, { schemaVersion: 2, mediaType, config, layers: [layer] });
  const manifests = [{ ...root, annotations: { 'org.opencontainers.image.ref.name': '1' } }];
  await writeFile(join(dir, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests }));
  await writeFile(join(dir, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
  return size;
}

async function peakOf([command, ...args]) {
  const began = performance.now();
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    said += text;
  });
  let code;
  child.once('close', (exit) => {
    code = exit ?? 1;
  });
  let kilobytes = 0;
  while (code === undefined) {
    const status = await readFile(`/proc/${child.pid}/status`, 'utf8').catch(() => '');
    // The last word counts: before the child execs, it has its parent's memory.
    kilobytes = Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? kilobytes);
    await pause(20);
  }
  if (code !== 0) throw new Error(`${command} ${args.join(' ')}: exit ${code}\n${said.slice(-2000)}`);
  return { megabytes: (kilobytes * 1024) / 1e6, seconds: (performance.now() - began) / 1000 };
}
