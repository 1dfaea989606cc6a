import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { dockerBuilder, embeddedBuilder } from '../support/conformance/builders.ts';
import { archive, usualFiles } from '../support/conformance/context.ts';
import { groups } from '../support/conformance/groups.ts';
import { conformanceImages, pushConformanceImages } from '../support/conformance/images.ts';
import type { Row } from '../support/conformance/row.ts';
import { writeContext } from '../support/embedded-builds.ts';
import { type ImageFiles, readImageFiles } from '../support/image-files.ts';
import { bundled } from '../support/sandbox.ts';
import { findNewestEngine, servicesDescribe } from '../support/services.ts';

type Outcome = { readonly image: ImageFiles } | { readonly refusal: string };
interface Outcomes {
  readonly theirs: Outcome | undefined;
  readonly ours: Outcome;
}

servicesDescribe("conformance: the embedded engine and Debian's newest Docker Engine", function (services) {
  const newest = findNewestEngine();
  if (newest === undefined) {
    it('has that engine to be held against', function () {
      if (process.env.CI) throw new Error('it could not be had; the log of the services says why');
      this.skip();
    });
    return;
  }
  this.timeout(120_000);
  const rows = groups.flatMap((group) => group.rows);
  const names: Record<string, string> = { ...conformanceImages(services.registry) };
  let work = '';
  let server: Server;
  let builders: Readonly<Record<'theirs' | 'ours', ReturnType<typeof dockerBuilder>>>;
  const outcomes = new Map<Row, Promise<Outcomes>>();

  before(async () => {
    work = await mkdtemp(join(tmpdir(), 'mabuild-conformance-'));
    server = serveDownloads();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    names.URL = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await pushConformanceImages(names);
    const helper = await bundled('packages/cli/src/sandbox-helper.ts', work);
    builders = {
      theirs: dockerBuilder(work, newest.root, newest.host),
      ours: embeddedBuilder(work, helper),
    };
  });
  after(async () => {
    await Promise.allSettled(outcomes.values());
    server.closeAllConnections();
    server.close();
    await rm(work, { recursive: true, force: true });
  });

  const outcomeOf = async (row: Row, by: keyof typeof builders, context: string): Promise<Outcome> => {
    const layout = `${context}-${by}`;
    const about = row[2] ?? {};
    const { buildContexts = {} } = about;
    const named = Object.entries(buildContexts).map(([name, value]) => [name, placed(value)] as const);
    try {
      await builders[by]({
        context,
        layout,
        about: { ...about, buildContexts: Object.fromEntries(named) },
      });
      return { image: await readImageFiles(layout) };
    } catch (error) {
      return { refusal: (error as Error).message };
    } finally {
      await rm(layout, { recursive: true, force: true });
    }
  };
  const placed = (text: string): string =>
    text.replace(/\b(BASE|TRIGGERS|BUSY|URL)\b/g, (name) => names[name] ?? name);
  const buildBoth = async (row: Row): Promise<Outcomes> => {
    const [, dockerfile, { files = usualFiles, expected } = {}] = row;
    const context = join(work, `context-${rows.indexOf(row)}`);
    await writeContext(context, { ...files, Dockerfile: placed(dockerfile) });
    const [theirs, ours] = await Promise.all([
      expected === undefined ? outcomeOf(row, 'theirs', context) : undefined,
      outcomeOf(row, 'ours', context),
    ]);
    return { theirs, ours };
  };
  /** Builds a row, and begins with those after it: the next tests find them done. */
  const outcomesOf = (row: Row): Promise<Outcomes> => {
    const at = rows.indexOf(row);
    for (const next of rows.slice(at, at + 3)) {
      if (!outcomes.has(next)) outcomes.set(next, buildBoth(next));
    }
    return outcomes.get(row) as Promise<Outcomes>;
  };

  it('has 150 Dockerfiles and more, each once', () => {
    expect(rows).to.have.length.of.at.least(150);
    for (const { rows: own } of groups) expect(new Set(own.map(([name]) => name)).size).to.equal(own.length);
  });

  for (const { title, rows: own } of groups)
    describe(title, () => {
      for (const row of own)
        it(row[0], async () => {
          const { theirs, ours } = await outcomesOf(row);
          const { refused, expected, absent = [], differs } = row[2] ?? {};
          if (refused !== undefined) {
            expect('refusal' in ours ? ours.refusal : 'built here').to.match(refused);
            const there = theirs && 'refusal' in theirs ? theirs.refusal : 'built there';
            expect(there).to.match(differs?.refusal ? /^built there$/ : /failed to (build|solve)/);
            return;
          }
          if ('refusal' in ours) {
            const also = theirs && 'refusal' in theirs ? '; so does the other' : '';
            throw new Error(`the embedded engine refuses: ${ours.refusal}${also}`);
          }
          if (expected !== undefined) {
            expect(ours.image.files).to.include(expected);
            expect(absent.filter((path) => path in ours.image.files)).to.deep.equal([]);
            return;
          }
          if (theirs === undefined || 'refusal' in theirs)
            throw new Error(`that engine refuses: ${theirs?.refusal}`);
          if (differs !== undefined)
            expect(allOf(ours.image), 'it differs no longer').to.not.deep.equal(allOf(theirs.image));
          expect(filesOf(ours.image, row)).to.deep.equal(filesOf(theirs.image, row));
          if (differs?.files === undefined) expect(ours.image.times).to.include(oldTimes(theirs.image));
          expect(configOf(ours.image, row)).to.deep.equal(configOf(theirs.image, row));
          if (!differs?.history) expect(historyOf(ours.image)).to.deep.equal(historyOf(theirs.image));
        });
    });
});

const noRow: Row = ['', ''];

/** Everything that is compared, known differences too. */
function allOf(image: ImageFiles): object {
  return {
    files: filesOf(image),
    config: configOf(image),
    history: historyOf(image),
  };
}

/** Files without those whose difference is known. */
function filesOf({ files }: ImageFiles, [, , about]: Row = noRow): Record<string, string> {
  const { files: left = [] } = about?.differs ?? {};
  if (left === '*') return {};
  return Object.fromEntries(Object.entries(files).filter(([path]) => !left.includes(path)));
}

/** What the rows copy is older. */
const now = Date.UTC(2025, 0) / 1000;

/** Times of what was copied: neither those of folders, into which something was put, nor those of this run. */
function oldTimes({ files, times }: ImageFiles): Record<string, number> {
  return Object.fromEntries(
    Object.entries(times).filter(([path, time]) => time < now && !files[path]?.startsWith('directory')),
  );
}

/** What the config says, however it spells what is not there. */
function configOf({ config: image, layers }: ImageFiles, [, , about]: Row = noRow): object {
  const { config = {}, author, architecture, os, variant } = image;
  const all = { author, architecture, os, variant, layers, ...config };
  const fields = Object.entries(all).filter(
    ([name, value]) => value !== null && value !== undefined && !about?.differs?.config?.includes(name),
  );
  return Object.fromEntries(fields);
}

function historyOf({ config }: ImageFiles): readonly object[] {
  return (config.history ?? []).map(({ created: _, ...entry }) => entry);
}

function serveDownloads(): Server {
  const headers = { 'last-modified': 'Tue, 01 Feb 2022 03:04:05 GMT' };
  return createServer(({ url }, response) => {
    const path = url?.split('?')[0];
    if (path === '/moved') response.writeHead(302, { location: '/file.txt' }).end();
    else if (path === '/file.txt') response.writeHead(200, headers).end('downloaded');
    else if (path === '/a%20name.txt' || path === '/folder/') response.writeHead(200, headers).end('named');
    else if (path === '/archive.tar.gz') response.writeHead(200, headers).end(archive);
    else response.writeHead(404).end();
  });
}
