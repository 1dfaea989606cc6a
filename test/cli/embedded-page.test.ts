import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { runCli } from '../support/cli-run.ts';
import { groups } from '../support/conformance/groups.ts';
import { writeContext } from '../support/embedded-builds.ts';
import { repositoryRoot } from '../support/sources.ts';

describe('docs/embedded-engine.md', () => {
  let directory: string;
  let page: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mabuild-embedded-page-'));
    page = await readFile(join(repositoryRoot, 'docs/embedded-engine.md'), 'utf8');
  });
  after(() => rm(directory, { recursive: true }));

  it('shows what comes of its Dockerfile', async () => {
    const [, dockerfile = ''] = /^```dockerfile\n([\s\S]*?)^```$/m.exec(page) ?? [];
    const [, shown = ''] = /^```console\n([\s\S]*?)^```$/m.exec(page) ?? [];
    await writeContext(directory, {
      Dockerfile: dockerfile,
      'bin/amd64/app': 'for amd64',
      'bin/arm64/app': 'for arm64',
      'bin/arm/app': 'for arm',
    });
    const runs = shown.split(/^\$ mabuild /m).slice(1);
    expect(runs).to.have.length(2);
    for (const run of runs) {
      const [command = '', ...lines] = run.trimEnd().split('\n');
      const { code, stdout, stderr } = await runCli(directory, command.split(' '), { PATH: '/nowhere' });
      expect(code, stderr).to.equal(0);
      expect(stdout.trimEnd().replace(/sha256:\w+/g, 'sha256:…')).to.equal(lines.join('\n'));
    }
  });

  it('has the reason of every difference that the conformance table allows', () => {
    const text = page.replace(/\s+/g, ' ');
    const reasons = groups.flatMap(({ rows }) => rows.flatMap(([, , about]) => about?.differs?.why ?? []));
    expect(reasons).to.not.have.length(0);
    for (const reason of reasons) expect(text).to.include(reason);
  });
});
