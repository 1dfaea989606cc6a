import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { formatPlatform, parseImageIndex, parseReference, readDocument } from '@mabuild/oci';
import { createRegistryClient } from '@mabuild/registry';
import { startTestRegistry } from '@mabuild/registry/testing';
import { expect } from 'chai';
import { makePlatform, onlyImage, publish } from '../support/published.ts';
import { findServices } from '../support/services.ts';
import { repositoryRoot } from '../support/sources.ts';

interface Answer {
  readonly id: number;
  readonly digest?: string;
  readonly code?: string;
  readonly message?: string;
}

/** A process of its own that edits indexes. */
class Writer {
  readonly #process: ChildProcess;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #orders = 0;

  constructor(directory: string) {
    const program = join(repositoryRoot, 'test/support/index-writer.ts');
    this.#process = spawn(
      process.execPath,
      ['--conditions=@mabuild/source', '--import=tsx', program, directory],
      { cwd: repositoryRoot, stdio: ['pipe', 'pipe', 'inherit'] },
    );
    createInterface({ input: this.#process.stdout! }).on('line', (line) => {
      const answer: Answer = JSON.parse(line);
      this.#waiting.get(answer.id)?.(answer);
    });
    this.#process.once('close', () => {
      for (const [id, settle] of this.#waiting) settle({ id, code: 'DIED' });
    });
  }

  tell(verb: string, request: object): Promise<Answer> {
    this.#orders += 1;
    const id = this.#orders;
    const answered = new Promise<Answer>((resolve) => this.#waiting.set(id, resolve));
    this.#process.stdin!.write(`${JSON.stringify({ id, verb, request })}\n`);
    return answered;
  }

  async end(): Promise<void> {
    const closed = new Promise((resolve) => this.#process.once('close', resolve));
    this.#process.stdin!.end();
    await closed;
  }
}

/** What a tag's index is for, `undefined` where there is none. */
async function platformsOf(reference: string): Promise<readonly string[]> {
  const client = createRegistryClient();
  try {
    const source = await client.resolve(parseReference(reference));
    const { manifests } = parseImageIndex(await readDocument(source, source.root));
    return manifests.map(({ platform }) => (platform ? formatPlatform(platform) : 'none'));
  } finally {
    await client.close();
  }
}

const platforms = [
  'linux/amd64',
  'linux/arm64',
  'linux/arm/v7',
  'linux/arm/v6',
  'linux/s390x',
  'linux/riscv64',
] as const;
const rounds = 10;
/** Tags that are fought over at the same time. */
const atOnce = 5;

const services = findServices();
const places: readonly { what: string; open: () => Promise<{ host: string; close(): Promise<void> }> }[] = [
  { what: 'with If-Match', open: () => startTestRegistry({ etag: true, latency: 30 }) },
  { what: 'that ignores If-Match', open: () => startTestRegistry({ etag: false, latency: 30 }) },
  {
    what: 'that holds up writes of tags, up to two and a half seconds',
    open: () =>
      startTestRegistry({
        faults: Array.from({ length: 60 }, (_, at) => ({
          method: 'PUT',
          url: /manifests\/(\d|mixed|merged)/,
          delay: (at * 397) % 2500,
        })),
      }),
  },
  ...(services
    ? [
        {
          what: 'docker-registry',
          open: async () => ({ host: services.registry, close: async () => undefined }),
        },
      ]
    : []),
];

async function inRounds(play: (round: number) => Promise<void>): Promise<void> {
  for (let round = 0; round < rounds; round += atOnce) {
    await Promise.all(Array.from({ length: atOnce }, (_, at) => play(round + at)));
  }
}

describe('several processes write one tag at once', function () {
  this.timeout(180_000);
  let directory: string;
  let writers: readonly Writer[];
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mabuild-race-'));
    writers = platforms.map((_, at) => new Writer(join(directory, `writer-${at}`)));
  });
  after(async () => {
    await Promise.all(writers.map((writer) => writer.end()));
    await rm(directory, { recursive: true, force: true });
  });

  for (const { what, open } of places) {
    describe(`in a registry ${what}`, () => {
      let host: string;
      let close: () => Promise<void>;
      let digests: string[];
      const repository = `race-${Date.now().toString(36)}`;
      before(async () => {
        ({ host, close } = await open());
        digests = [];
        for (const [at, platform] of platforms.entries()) {
          digests[at] = await publish(await onlyImage(makePlatform(platform)), `${host}/${repository}:${at}`);
        }
        await publish(await onlyImage(makePlatform('linux/ppc64le')), `${host}/${repository}:base`);
      });
      after(() => close());

      for (const many of [2, 6]) {
        it(`${many} add a platform each, ${rounds} times: none is lost without a word`, async () => {
          await inRounds((round) => addAtOnce(`${many}-${round}`, many, round % 2 === 0));
        });
      }

      async function addAtOnce(tag: string, many: number, onNothing: boolean): Promise<void> {
        const destination = `${host}/${repository}:${tag}`;
        if (!onNothing) await publish(await onlyImage(makePlatform('linux/ppc64le')), destination);
        const answers = await Promise.all(
          writers
            .slice(0, many)
            .map((writer, at) =>
              writer.tell('add', { destination, sources: [`${host}/${repository}:${at}`] }),
            ),
        );
        const there = await platformsOf(destination);
        for (const [at, { code, message }] of answers.entries()) {
          if (code === undefined)
            expect(there, `${tag}: ${platforms[at]} said it was done`).to.include(platforms[at]);
          else expect(code, message).to.equal('REGISTRY_TAG_MOVED');
        }
        if (!onNothing) expect(there, 'what was there').to.include('linux/ppc64le');
        expect(new Set(there).size, 'no platform twice').to.equal(there.length);
      }

      it('two add another image for the same platform: one is told so', async () => {
        await publish(await onlyImage(makePlatform('linux/arm64', 'other')), `${host}/${repository}:rival`);
        await inRounds(async (round) => {
          const destination = `${host}/${repository}:rivals-${round}`;
          const sources = [`${host}/${repository}:1`, `${host}/${repository}:rival`];
          const answers = await Promise.all(
            sources.map((source, at) => writers[at]!.tell('add', { destination, sources: [source] })),
          );
          const codes = answers.map(({ code }) => code ?? 'done').sort();
          expect(codes[1]).to.equal('done');
          expect(['REGISTRY_TAG_MOVED', 'DUPLICATE_PLATFORM']).to.include(codes[0]);
        });
      });

      it('one adds while another removes', async () => {
        await inRounds(async (round) => {
          const destination = `${host}/${repository}:mixed-${round}`;
          const sources = [`${host}/${repository}:0`, `${host}/${repository}:1`];
          expect((await writers[0]!.tell('add', { destination, sources })).code).to.equal(undefined);
          const answers = await Promise.all([
            writers[0]!.tell('add', { destination, sources: [`${host}/${repository}:2`] }),
            writers[1]!.tell('remove', { destination, platforms: ['linux/amd64'] }),
          ]);
          expect(answers.map(({ code }) => code)).to.deep.equal([undefined, undefined]);
          expect(await platformsOf(destination)).to.have.members(['linux/arm64', 'linux/arm/v7']);
        });
      });

      it('several merge what is theirs: all but one are told that it is not what the tag points at', async () => {
        await inRounds(async (round) => {
          const destination = `${host}/${repository}:merged-${round}`;
          const answers = await Promise.all(
            writers.slice(0, 3).map(async (writer, at) => {
              const noted = await mkdtemp(join(directory, 'digests-'));
              await writeFile(join(noted, digests[at]!.replace(':', '-')), '');
              return writer.tell('merge', { tags: [destination], directory: noted });
            }),
          );
          const done = answers.flatMap(({ code }, at) => (code === undefined ? [platforms[at]] : []));
          expect(done.length, JSON.stringify(answers)).to.be.at.most(1);
          if (done.length === 1) expect(await platformsOf(destination)).to.deep.equal(done);
          for (const { code } of answers) expect([undefined, 'REGISTRY_TAG_MOVED']).to.include(code);
        });
      });
    });
  }
});
