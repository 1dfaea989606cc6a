// Pushes one layer of 300 MB to a registry (argument HOST:PORT, plain http on loopback) with the built packages, and
// prints the peak resident memory of doing so, beside that of a node that does nothing.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createRegistryClient } from '@mabuild/registry';

const [registry, megabytes = '300'] = process.argv.slice(2);
if (registry === undefined) {
  console.error('usage: node bench/push-memory.mjs HOST:PORT [MEGABYTES]');
  process.exit(2);
}
const size = Number(megabytes) * 1_000_000;
const folder = await mkdtemp(join(tmpdir(), 'mabuild-memory-'));
try {
  const file = join(folder, 'layer');
  const handle = await open(file, 'w');
  await handle.truncate(size);
  // Never the same layer twice, or the registry would have it.
  await handle.write(`${Date.now()} ${process.pid}`);
  await handle.close();
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  const digest = `sha256:${hash.digest('hex')}`;
  const layer = { mediaType: 'application/vnd.oci.image.layer.v1.tar', digest, size };

  const idle = process.memoryUsage().rss;
  const client = createRegistryClient();
  const begin = performance.now();
  const sink = client.sink({ registry, repository: 'mabuild/memory' });
  await sink.put(layer, async () => createReadStream(file));
  const seconds = (performance.now() - begin) / 1000;
  if (!(await sink.has(layer))) throw new Error('the registry does not have it');
  await client.close();
  const result = {
    megabytes: size / 1e6,
    seconds: Number(seconds.toFixed(2)),
    idleMegabytes: Number((idle / 1e6).toFixed(1)),
    // resourceUsage().maxRSS would count the parent, whose memory a child shares until it execs.
    peakMegabytes: Number(((await highWaterMark()) / 1e6).toFixed(1)),
  };
  console.log(JSON.stringify(result));
} finally {
  await rm(folder, { recursive: true });
}

/** The most memory that this process ever had resident, bytes. */
async function highWaterMark() {
  const status = await readFile('/proc/self/status', 'utf8').catch(() => '');
  const kilobytes = /^VmHWM:\s+(\d+) kB/m.exec(status)?.[1];
  return kilobytes === undefined ? process.resourceUsage().maxRSS * 1024 : Number(kilobytes) * 1024;
}
