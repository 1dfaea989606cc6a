import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { runProgram } from '../../packages/cli/src/program.ts';
import { fakeIo } from '../support/io.ts';
import { repositoryRoot } from '../support/sources.ts';

const heading = '## Reports of `check`';

describe('docs/cli.md', () => {
  let directory: string;
  let section: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mabuild-docs-'));
    const page = await readFile(join(repositoryRoot, 'docs/cli.md'), 'utf8');
    section = page.slice(page.indexOf(heading) + heading.length).split(/^## /m)[0] ?? '';
    const [dockerfile = ''] = blocks(section, 'dockerfile');
    await writeFile(join(directory, 'Dockerfile'), dockerfile);
  });
  after(() => rm(directory, { recursive: true }));

  it('shows what each format of check prints', async () => {
    const shown = blocks(section, 'console');
    for (const block of shown) {
      const [command = '', ...lines] = block.trimEnd().split('\n');
      expect(command).to.match(/^\$ mabuild check /);
      const world = fakeIo({ workingDirectory: directory, environment: { HOME: directory } });
      await runProgram(world.io, command.split(' ').slice(2));
      expectParts(world.stdout().trimEnd(), lines.join('\n'), command);
    }
    const formats = shown.map((block) => /--format (\w+)/.exec(block)?.[1] ?? 'text');
    expect(formats).to.deep.equal(['text', 'json', 'sarif', 'github', 'html']);
  });
});

/** Expects a text to be what is shown, where `…` stands for anything. */
function expectParts(text: string, shown: string, what: string): void {
  const parts = shown.split(/\n?…\n?/);
  if (parts.length === 1) expect(text, what).to.equal(shown);
  let at = 0;
  for (const part of parts) {
    const found = text.indexOf(part, at);
    expect(found, `${what}: ${part}`).to.be.at.least(0);
    at = found + part.length;
  }
  if (parts[0] !== '') expect(text.startsWith(parts[0] ?? ''), what).to.equal(true);
}

/** The texts of a page's fenced blocks in a language. */
function blocks(page: string, language: string): readonly string[] {
  const found = page.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'));
  return [...found].map((match) => String(match[1]));
}
