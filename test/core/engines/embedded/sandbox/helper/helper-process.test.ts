import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { setImmediate as soon } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import type { LayerEntry } from '../../../../../../packages/core/src/engines/embedded/layers/entry.ts';
import {
  type ChosenSandbox,
  chooseSandbox,
} from '../../../../../../packages/core/src/engines/embedded/sandbox/choice/choose.ts';
import {
  type JobOptions,
  runJob,
} from '../../../../../../packages/core/src/engines/embedded/sandbox/helper/helper-process.ts';
import type { JobLayer } from '../../../../../../packages/core/src/engines/embedded/sandbox/helper/job.ts';
import { layerTar } from '../../../../../../packages/core/src/engines/embedded/sandbox/helper/layer-tar.ts';
import { createSandbox } from '../../../../../../packages/core/src/engines/embedded/sandbox/sandbox.ts';
import { allSandboxLeftovers } from '../../../../../../packages/core/src/engines/embedded/sandbox/shelf/leftovers.ts';
import { debTree, hasDebs } from '../../../../../support/debs.ts';
import { eventually } from '../../../../../support/eventually.ts';
import { rejection } from '../../../../../support/rejection.ts';
import {
  busyboxRoot,
  file,
  helperFolder,
  layerOf,
  removeFolder,
  sandboxOptions,
} from '../../../../../support/sandbox.ts';

const megabyte = 1024 * 1024;

/** A blob of a layer that comes on the pipe, and what the job says of it. */
interface Coming {
  readonly layer: JobLayer;
  readonly blob: Uint8Array;
}

async function tarOf(entries: readonly LayerEntry[]): Promise<Buffer> {
  return await buffer(Readable.from(layerTar(entries), { objectMode: false }));
}

/** Bytes that do not compress. */
function noise(size: number, seed: string): Buffer {
  const hashes = Array.from({ length: Math.ceil(size / 64) }, (_, index) =>
    createHash('sha512').update(`${seed} ${index}`).digest(),
  );
  return Buffer.concat(hashes).subarray(0, size);
}

let made = 0;
function coming(tar: Uint8Array, blob: Uint8Array = tar): Coming {
  const diffId = `sha256:${createHash('sha256').update(tar).digest('hex')}`;
  made += 1;
  return { layer: { id: `layer-${made}`, diffId, comes: true }, blob };
}

async function large(compressed = false): Promise<Coming> {
  const tar = await tarOf([file('f', noise(3 * megabyte, `${made}`)), file('g', 'g')]);
  return coming(tar, compressed ? gzipSync(tar, { level: 1 }) : tar);
}

/** In small pieces, each later than the one before. */
async function* slowly(blob: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < blob.length; at += 9973) {
    await soon();
    yield blob.subarray(at, at + 9973);
  }
}

async function* atOnce(blob: Uint8Array): AsyncGenerator<Uint8Array> {
  yield blob;
}

const kinds = [
  ['namespaces', 'overlay'],
  ['user-namespace', 'copy'],
  ['chroot', 'copy'],
  ['proot', 'copy'],
] as const;

describe('jobs of helpers', function () {
  this.timeout(120_000);
  let root = '';
  let sandbox: ChosenSandbox;
  let directory = '';

  before(async function () {
    if (process.platform !== 'linux') this.skip();
    const { folder, helper } = await helperFolder();
    root = folder;
    const { chosen } = await chooseSandbox(sandboxOptions(helper, join(root, 'cache')));
    if (chosen === undefined) this.skip();
    sandbox = chosen;
    directory = chosen.job.directory;
  });
  after(() => removeFolder(root));

  const job = (
    comings: readonly Coming[],
    read: (blob: Uint8Array) => AsyncIterable<Uint8Array> = atOnce,
    options: JobOptions = {},
  ) =>
    runJob(
      sandbox.site,
      { ...sandbox.job, layers: comings.map(({ layer }) => layer) },
      {
        streams: comings.map(
          ({ blob }) =>
            async () =>
              read(blob),
        ),
        ...options,
      },
    );
  const isWhole = ({ layer }: Coming): void => {
    expect(statSync(join(directory, 'layers', layer.id, 'fs/f')).size).to.equal(3 * megabyte);
    expect(readFileSync(join(directory, 'layers', layer.id, 'fs/g'), 'utf8')).to.equal('g');
  };
  const nothingLeft = (): void => {
    expect(readdirSync(join(directory, 'work'))).to.deep.equal([]);
  };

  for (const read of [atOnce, slowly]) {
    it(`take many layers, one job after the other, ${read.name}`, async () => {
      for (let count = 0; count < 4; count += 1) {
        const comings = [await large(), await large(true)];
        expect((await job(comings, read)).at(-1)).to.deep.equal({ kind: 'done', streams: 2 });
        for (const one of comings) isWhole(one);
      }
    });
  }

  it('take many layers, several jobs at once', async () => {
    const groups = await Promise.all(
      Array.from({ length: 6 }, async () => [await large(), await large(true), await large()]),
    );
    await Promise.all(groups.map((comings, index) => job(comings, index % 2 === 0 ? atOnce : slowly)));
    for (const one of groups.flat()) isWhole(one);
  });

  it('say of no device below /dev that an ordinary user may not make it', async function () {
    const { folder, helper } = await helperFolder();
    const options = sandboxOptions(helper, join(folder, 'cache'));
    const { chosen } = await chooseSandbox({ ...options, only: [['user-namespace', 'copy']] });
    if (chosen === undefined) this.skip();
    const device = {
      type: 'character-device',
      mode: 0o666,
      uid: 0,
      gid: 0,
      mtime: 0,
      major: 1,
      minor: 3,
    } as const;
    const paths = ['dev/null', 'dev/net/tun', 'srv/null'];
    const tar = await tarOf(paths.map((path) => ({ ...device, path, size: 0 })));
    const { layer } = coming(tar);
    const messages = await runJob(
      chosen.site,
      { ...chosen.job, layers: [layer] },
      { streams: [async () => atOnce(tar)] },
    );
    const notes = messages.flatMap((message) => (message.kind === 'note' ? [message.text] : []));
    expect(notes).to.deep.equal(['the character-device /srv/null could not be made (EPERM)']);
    await removeFolder(folder);
  });

  it('skip layers that are there already', async () => {
    const comings = [await large(), await large(true)];
    await job(comings);
    for (let count = 0; count < 4; count += 1)
      expect((await job(comings)).at(-1)).to.deep.equal({ kind: 'done', streams: 2 });
    for (const one of comings) isWhole(one);
  });

  it('skip what follows a compressed layer', async () => {
    for (let count = 0; count < 4; count += 1) {
      const first = await large(true);
      const comings = [
        { ...first, blob: Buffer.concat([first.blob, Buffer.alloc(3 * megabyte)]) },
        await large(),
      ];
      expect((await job(comings)).at(-1)).to.deep.equal({ kind: 'done', streams: 2 });
      for (const one of comings) isWhole(one);
    }
  });

  it('end though nobody takes what comes', async () => {
    for (let count = 0; count < 4; count += 1) {
      const { blob } = await large();
      const messages = await job([], atOnce, { streams: [async () => atOnce(blob)] });
      expect(messages.at(-1)).to.deep.equal({ kind: 'done', streams: 0 });
      const next = await large();
      await job([next]);
      isWhole(next);
    }
  });

  const damages: readonly (readonly [name: string, code: string, damage: (good: Coming) => Coming])[] = [
    [
      'a digest that is another',
      'DIGEST_MISMATCH',
      ({ layer, blob }) => ({ layer: { ...layer, diffId: 'sha256:0' }, blob }),
    ],
    [
      'a tar that is none from its start',
      'INVALID_TAR',
      ({ layer, blob }) => ({ layer, blob: blob.map((byte, at) => (at < 512 ? 0x41 : byte)) }),
    ],
    [
      'a tar that is none from its middle',
      'INVALID_TAR',
      ({ layer, blob }) => ({
        layer,
        blob: Buffer.concat([blob.subarray(0, 3 * megabyte + 512), noise(2 * megabyte, 'x')]),
      }),
    ],
    [
      'a tar that is cut off',
      'INVALID_TAR',
      ({ layer, blob }) => ({ layer, blob: blob.subarray(0, 2 * megabyte) }),
    ],
    [
      'damaged compression',
      'INVALID_COMPRESSION',
      ({ layer, blob }) => ({
        layer,
        blob: gzipSync(blob, { level: 1 }).map((byte, at) => (at > 9000 && at < 9500 ? ~byte : byte)),
      }),
    ],
  ];
  for (const [name, code, damage] of damages) {
    it(`fail by ${name}, and those beside them do not`, async () => {
      for (let count = 0; count < 2; count += 1) {
        const good = [await large(), await large(true)];
        const bad = [damage(await large()), await large()];
        const ended = await Promise.all([job(good), rejection(job(bad))]);
        expect(ended[1]).to.include({ code });
        for (const one of good) isWhole(one);
        for (const { layer } of bad) expect(existsSync(join(directory, 'layers', layer.id))).to.equal(false);
        nothingLeft();
      }
    });
  }

  it('fail by what a stream fails with, and another helper does the next', async () => {
    const broken = async function* (blob: Uint8Array): AsyncGenerator<Uint8Array> {
      yield blob.subarray(0, megabyte);
      throw new Error('the registry is gone');
    };
    for (let count = 0; count < 3; count += 1) {
      const error = await rejection(job([await large(), await large(true)], broken));
      expect(error.message).to.equal('the registry is gone');
      const next = await large();
      await job([next]);
      isWhole(next);
    }
  });

  it('end with their helper when it breaks while it waits for what comes', async () => {
    const { layer } = await large();
    const child = spawn(process.execPath, [sandbox.site.command[1] ?? ''], {
      stdio: ['pipe', 'ignore', 'pipe', 'pipe', 'pipe'],
    });
    const said = text(child.stderr as Readable);
    (child.stdio[3] as Readable).resume();
    const begun = { ...sandbox.job, kind: 'chroot', directory: join(root, 'broken'), layers: [layer] };
    child.stdin?.write(`${JSON.stringify(begun)}\n`);
    // The folder is made right before it reads.
    await eventually(async () =>
      expect(readdirSync(join(root, 'broken'), { recursive: true }).join()).to.match(/work\/[^,]*\/layer-/),
    );
    child.stdin?.write('{"stop":\n');
    const [, signal] = await once(child, 'exit');
    expect(signal).to.equal('SIGKILL');
    expect(await said).to.match(/SyntaxError[\s\S]* at /);
  });

  it('fail without waiting for what never comes', async () => {
    const hanging = async function* (blob: Uint8Array): AsyncGenerator<Uint8Array> {
      yield blob;
      await new Promise(() => undefined);
    };
    const { layer } = await large();
    const error = await rejection(job([{ layer, blob: Buffer.alloc(1024, 'x') }], hanging));
    expect(error).to.include({ code: 'INVALID_TAR' });
  });

  for (const when of ['before anything came', 'in the middle', 'while the pipe is full'] as const) {
    it(`end when they are aborted ${when}`, async () => {
      for (let count = 0; count < 2; count += 1) {
        const abort = new AbortController();
        const stopping = async function* (blob: Uint8Array): AsyncGenerator<Uint8Array> {
          if (when !== 'before anything came') yield blob.subarray(0, megabyte);
          abort.abort(new Error('enough'));
          if (when === 'while the pipe is full') yield blob.subarray(megabyte);
          else await new Promise(() => undefined);
        };
        const { signal } = abort;
        const good = [await large(), await large(true)];
        const aborted = [await large(true), await large()];
        const ended = await Promise.all([job(good), rejection(job(aborted, stopping, optionsOf()))]);
        expect(ended[1].message).to.equal('enough');
        for (const one of good) isWhole(one);
        // The one that was aborted has cleared up itself.
        nothingLeft();
        await job([await large()]);
        nothingLeft();

        function optionsOf(): JobOptions {
          return {
            signal,
            streams: aborted.map(
              ({ blob }) =>
                async () =>
                  stopping(blob),
            ),
          };
        }
      }
    });
  }

  for (const only of kinds) {
    it(`give every mount its own files, though a cache is filled already, ${only.join()}`, async function () {
      if (!(await hasDebs())) this.skip();
      const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
      const busybox = await layerOf(await busyboxRoot(await debTree('busybox-static', architecture)));
      const { execute, choice } = createSandbox(
        sandboxOptions(sandbox.site.command[1] ?? '', join(root, 'cache'), { only: [only] }),
      );
      if ((await choice()).chosen === undefined) this.skip();
      const entries = [file('f', noise(3 * megabyte, 'cache')), file('g', 'of the cache')];
      for (let count = 0; count < 3; count += 1) {
        let stdout = '';
        const mount = { path: '', readOnly: true } as const;
        const result = await execute(
          {
            platform: { os: 'linux', architecture },
            layers: [busybox],
            command: {
              arguments: ['/bin/sh', '-c', 'cat /cache/g /bound/g'],
              environment: { PATH: '/bin' },
              directory: '/',
              user: { uid: 0, gid: 0, groups: [] },
            },
            network: 'host',
            mounts: [
              {
                ...{ ...mount, kind: 'cache', target: '/cache', name: 'cache', from: { entries } },
                ...{ mode: 0o755, uid: 0, gid: 0 },
              },
              {
                ...{ ...mount, kind: 'bind', target: '/bound' },
                from: { entries: [file('g', `, bound ${count}`)] },
              },
            ],
            temporaryDirectory: join(root, 'temporary'),
          },
          { onOutput: (_, chunk) => (stdout += Buffer.from(chunk).toString('utf8')) },
        );
        if (result.kind === 'changed') await result.release();
        expect(stdout).to.equal(`of the cache, bound ${count}`);
      }
    });
  }

  for (const only of kinds) {
    it(`clear up when a command is interrupted, ${only.join()}`, async function () {
      if (!(await hasDebs())) this.skip();
      const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
      const busybox = await layerOf(await busyboxRoot(await debTree('busybox-static', architecture)));
      const { folder, helper } = await helperFolder();
      const sandboxed = { ...sandboxOptions(helper, join(folder, 'cache')), only: [only] };
      if ((await chooseSandbox(sandboxed)).chosen === undefined) this.skip();
      const abort = new AbortController();
      const running = createSandbox(sandboxed).execute(
        {
          platform: { os: 'linux', architecture },
          layers: [busybox],
          command: {
            arguments: ['/bin/sh', '-c', 'echo begun; sleep 61'],
            environment: { PATH: '/bin' },
            directory: '/',
            user: { uid: 0, gid: 0, groups: [] },
          },
          ...{ network: 'host', mounts: [], temporaryDirectory: join(folder, 'temporary') },
        },
        { signal: abort.signal, onOutput: () => abort.abort(new Error('enough')) },
      );
      expect((await rejection(running)).message).to.equal('enough');
      expect(allSandboxLeftovers(join(folder, 'cache'))).to.deep.equal([]);
      const [kind = ''] = readdirSync(join(folder, 'cache'));
      expect(readdirSync(join(folder, 'cache', kind, 'work'))).to.deep.equal([]);
      await removeFolder(folder);
    });
  }
});
