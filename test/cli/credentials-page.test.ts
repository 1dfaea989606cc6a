import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as registry from '@mabuild/registry';
import { expect } from 'chai';
import { readDockerConfig } from '../../packages/cli/src/sdk/credentials/docker-config.ts';
import { repositoryRoot } from '../support/sources.ts';

describe('docs/credentials.md', () => {
  let page = '';
  before(async () => {
    page = await readFile(join(repositoryRoot, 'docs/credentials.md'), 'utf8');
  });

  it('tells who signs in where', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'mabuild-credentials-'));
    try {
      const [, json = ''] = /```json\n([\s\S]*?)```/.exec(page) ?? [];
      await writeFile(join(directory, 'config.json'), json);
      const { credentials } = await readDockerConfig({ directory, environment: {} });
      const rows = [...page.matchAll(/^\| `([^`/]+)\/([^`]+)` \| `([^`]+)` \|$/gm)];
      expect(rows).to.have.length(5);
      for (const [, host = '', repository = '', username] of rows) {
        expect(await credentials.credentialFor(host, { repository }), repository).to.include({ username });
      }
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it('names what the package has', () => {
    const [, names = ''] = /import \{ ([^}]+) \} from '@mabuild\/registry'/.exec(page) ?? [];
    for (const name of names.split(', ')) expect(registry).to.have.property(name).that.is.a('function');
  });
});
