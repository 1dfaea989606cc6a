import { createHash, randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { startMabuild } from '../support/cli.ts';
import { servicesDescribe } from '../support/services.ts';
import { digestOfTag } from '../support/skopeo.ts';
import { makeWorkspace, type Workspace } from '../support/workspace.ts';

const layerMegabytes = 300;
const allowedMegabytes = 120;

servicesDescribe('a large layer', function (services) {
  this.timeout(120_000);
  let workspace: Workspace;

  before(async () => {
    workspace = await makeWorkspace();
  });
  after(() => workspace.remove());

  it(`of ${layerMegabytes} MB is pushed with under ${allowedMegabytes} MB of resident memory`, async function () {
    if (process.platform !== 'linux') this.skip();
    const layout = await layoutWithLargeLayer(join(workspace.dir, 'layout'));
    const image = `${services.registry}/e2e/large-layer:1`;
    const running = startMabuild(['push', `oci:${layout}`, image], { workspace });
    let peak = 0;
    const timer = setInterval(async () => {
      const status = await readFile(`/proc/${running.pid}/status`, 'utf8').catch(() => '');
      // The kernel's own high-water mark, so that nothing between two looks is missed.
      peak = Math.max(peak, Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1000);
    }, 20);
    const result = await running.ended;
    clearInterval(timer);
    expect(result.status, result.stderr).to.equal(0);
    expect(await digestOfTag(image)).to.match(/^sha256:/);
    expect(peak).to.be.within(20, allowedMegabytes);
  });
});

/** An OCI layout folder with one image of one layer: a tar with one file of random bytes. */
async function layoutWithLargeLayer(folder: string): Promise<string> {
  const blobs = join(folder, 'blobs', 'sha256');
  await mkdir(blobs, { recursive: true });
  const put = async (mediaType: string, value: object): Promise<object> => {
    const bytes = Buffer.from(JSON.stringify(value));
    const hex = createHash('sha256').update(bytes).digest('hex');
    await writeFile(join(blobs, hex), bytes);
    return { mediaType, digest: `sha256:${hex}`, size: bytes.length };
  };
  const layer = await writeLayer(blobs);
  const config = await put('application/vnd.oci.image.config.v1+json', {
    architecture: 'amd64',
    os: 'linux',
    config: {},
    rootfs: { type: 'layers', diff_ids: [layer.digest] },
  });
  const manifest = await put('application/vnd.oci.image.manifest.v1+json', {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config,
    layers: [layer],
  });
  await writeFile(join(folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  await writeFile(
    join(folder, 'index.json'),
    JSON.stringify({
      schemaVersion: 2,
      manifests: [{ ...manifest, annotations: { 'org.opencontainers.image.ref.name': 'latest' } }],
    }),
  );
  return folder;
}

async function writeLayer(blobs: string): Promise<{ mediaType: string; digest: string; size: number }> {
  const size = layerMegabytes * 1_000_000;
  const header = Buffer.alloc(512);
  header.write('data.bin');
  header.write('0000644\x000000000\x000000000\0', 100);
  header.write(`${size.toString(8).padStart(11, '0')}\0${'0'.repeat(11)}\0        0`, 124);
  header.write('ustar\u000000', 257);
  header.write(
    `${header
      .reduce((sum, byte) => sum + byte, 0)
      .toString(8)
      .padStart(6, '0')}\0 `,
    148,
  );
  const temporary = join(blobs, 'layer');
  const hash = createHash('sha256');
  const file = await open(temporary, 'w');
  let written = 0;
  const write = async (bytes: Uint8Array): Promise<void> => {
    hash.update(bytes);
    await file.write(bytes);
    written += bytes.length;
  };
  await write(header);
  const block = randomBytes(1_000_000);
  for (let megabyte = 0; megabyte < layerMegabytes; megabyte++) await write(block);
  await write(Buffer.alloc(((512 - (size % 512)) % 512) + 1024));
  await file.close();
  const hex = hash.digest('hex');
  await rename(temporary, join(blobs, hex));
  return { mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: `sha256:${hex}`, size: written };
}
