import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cacheKinds } from '@mabuild/core';
import { expect } from 'chai';
import { runCli } from '../../support/cli-run.ts';
import { repositoryRoot } from '../../support/sources.ts';

describe('docs/caching.md', () => {
  let work = '';
  let page = '';
  before(async () => {
    work = await mkdtemp(join(tmpdir(), 'mabuild-caching-'));
    page = await readFile(join(repositoryRoot, 'docs/caching.md'), 'utf8');
  });
  after(() => rm(work, { recursive: true, force: true }));
  const blocks = (language: string): readonly string[] =>
    [...page.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'))].map(
      ([, text = '']) => text,
    );

  it('shows commands that do what it says', async () => {
    await writeFile(join(work, 'Dockerfile'), blocks('dockerfile')[0] ?? '');
    await writeFile(join(work, 'app'), 'any file');
    let machine = 'one';
    const said: string[] = [];
    const digests: string[] = [];
    for (const line of (blocks('sh')[0] ?? '').trim().split('\n')) {
      if (line.startsWith('#')) {
        machine = 'another';
        continue;
      }
      const environment = { MABUILD_CACHE: join(work, machine), SOURCE_DATE_EPOCH: undefined };
      const { code, stdout, stderr } = await runCli(work, line.split(' ').slice(1), environment);
      expect(code, `${line}: ${stderr}`).to.equal(0);
      if (line.includes(' build ')) digests.push(stdout.trim());
      said.push(stderr, stdout);
    }
    expect(digests).to.have.length(2);
    expect(digests[1]).to.equal(digests[0]);
    expect(said[2]).to.match(/CACHED COPY app \/app/);
    expect(said[5]).to.match(/^layer +1 /m);
    expect(said[7]).to.match(/^Total: 0 B reclaimed/);
  });

  it('names every kind', () => {
    const named = [...page.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, name]) => name);
    expect(named).to.deep.equal([...cacheKinds]);
  });

  it('shows a program that there is', async () => {
    const sdk = await import('mabuild');
    for (const [, names = ''] of (blocks('ts')[0] ?? '').matchAll(/import \{ ([^}]+) \}/g))
      for (const name of names.split(', ')) expect(sdk).to.have.property(name);
  });
});
