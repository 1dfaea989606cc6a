import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ImageConfig } from '@mabuild/oci';
import { expect } from 'chai';
import { type Built, buildOnce, pushBase, writeContext } from '../support/embedded-builds.ts';
import {
  archive,
  type EmbeddedRow,
  embeddedRows,
  refusedRows,
  usualFiles,
} from '../support/embedded-rows.ts';
import { servicesDescribe } from '../support/services.ts';

servicesDescribe('embedded: the same images as dockerd with BuildKit makes', function (services) {
  this.timeout(120_000);
  let work = '';
  let server: Server;
  const names: Record<string, string> = {
    BASE: `${services.registry}/embedded/base:1`,
    TRIGGERS: `${services.registry}/embedded/triggers:1`,
  };
  const engines = { buildkit: services.dockerHost, embedded: undefined };

  before(async () => {
    work = await mkdtemp(join(tmpdir(), 'mabuild-embedded-'));
    server = createServer((request, response) => {
      const headers = { 'last-modified': 'Tue, 01 Feb 2022 03:04:05 GMT' };
      if (request.url === '/moved') response.writeHead(302, { location: '/file.txt' }).end();
      else if (request.url === '/file.txt') response.writeHead(200, headers).end('downloaded');
      else if (request.url === '/archive.tar.gz') response.writeHead(200, headers).end(archive);
      else response.writeHead(404).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    names.URL = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const config = {
      Env: ['PATH=/usr/bin:/bin', 'A=1'],
      Cmd: ['/bin/sh'],
      WorkingDir: '/srv',
      Labels: { x: 'y', kept: 'yes' },
      ExposedPorts: { '1/tcp': {} },
    };
    await pushBase(names.BASE ?? '', config);
    await pushBase(names.TRIGGERS ?? '', {
      ...config,
      OnBuild: ['ENV TRIGGERED=1', 'COPY a.txt /triggered', 'WORKDIR /from-trigger'],
    });
  });
  after(async () => {
    server.closeAllConnections();
    server.close();
    await rm(work, { recursive: true, force: true });
  });

  const build = async (
    index: number | string,
    row: EmbeddedRow,
    engine: keyof typeof engines,
  ): Promise<Built> => {
    const context = join(work, `context-${index}-${engine}`);
    const dockerfile = row.dockerfile.replace(/\b(BASE|TRIGGERS|URL)\b/g, (name) => names[name] ?? name);
    await writeContext(context, { ...(row.files ?? usualFiles), Dockerfile: dockerfile });
    const { buildArgs, target, labels } = row;
    return await buildOnce(context, join(work, 'cache', engine), {
      engine,
      dockerHost: engines[engine],
      request: { buildArgs, target, labels },
    });
  };

  for (const [index, row] of embeddedRows.entries()) {
    it(row.name, async () => {
      const [theirs, ours] = await Promise.all([
        build(index, row, 'buildkit'),
        build(index, row, 'embedded'),
      ]);
      expect(filesOf(ours, row)).to.deep.equal(filesOf(theirs, row));
      expect(configOf(ours.config, row)).to.deep.equal(configOf(theirs.config, row));
      if (!row.otherHistory) expect(historyOf(ours.config)).to.deep.equal(historyOf(theirs.config));
    });
  }

  for (const [dockerfile, message] of refusedRows) {
    it(`refuses ${JSON.stringify(dockerfile.split('\n').at(-1))}`, async () => {
      const row = { name: '', dockerfile };
      const index = `refused-${refusedRows.findIndex(([text]) => text === dockerfile)}`;
      const refusal = async (engine: keyof typeof engines): Promise<string> => {
        try {
          await build(index, row, engine);
          return 'built';
        } catch (error) {
          return (error as Error).message;
        }
      };
      expect(await refusal('buildkit'), 'BuildKit').to.not.equal('built');
      expect(await refusal('embedded')).to.match(message);
    });
  }
});

/** Files without those whose difference is known. */
function filesOf({ files }: Built, { otherFiles }: EmbeddedRow): Record<string, string> {
  return Object.fromEntries(
    Object.entries(files)
      .filter(([path]) => !otherFiles?.paths.includes(path))
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

/** What the config says, however it spells what is not there. */
function configOf({ config = {}, author }: ImageConfig, { otherConfig }: EmbeddedRow): object {
  const fields = Object.entries(config).filter(
    ([name, value]) => value !== null && !otherConfig?.fields.includes(name),
  );
  return { author, ...Object.fromEntries(fields) };
}

function historyOf({ history = [] }: ImageConfig): readonly string[] {
  return history.map(({ created_by: by, comment, empty_layer: empty }) =>
    // dockerd 20.10 leaves the flags of COPY out; later ones have them.
    [empty ? '(empty)' : '', by?.replace(/^(COPY|ADD)( --ch(own|mod)=\S+)+/, '$1'), comment]
      .filter((part) => part)
      .join(' '),
  );
}
