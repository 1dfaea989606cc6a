import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { createProgram } from '../packages/cli/src/program.ts';
import { fakeIo } from './support/io.ts';
import { runNode } from './support/node.ts';
import { repositoryRoot } from './support/sources.ts';

type Command = ReturnType<typeof createProgram>;

describe('README.md', () => {
  let readme: string;
  before(async () => {
    readme = await readFile(join(repositoryRoot, 'README.md'), 'utf8');
  });

  it('shows the SDK as examples/build-and-push.ts uses it', async () => {
    const example = await readFile(join(repositoryRoot, 'examples/build-and-push.ts'), 'utf8');
    expect(fenced(readme, 'ts')).to.deep.equal([example]);
  });

  it('shows commands and flags that there are', () => {
    const lines = fenced(readme, 'sh').flatMap(mabuildLines);
    expect(lines).to.have.length.greaterThan(3);
    for (const line of lines) expect(() => parse(line), line).to.not.throw();
  });

  it('shows scripts that there are', async () => {
    const { scripts } = JSON.parse(await readFile(join(repositoryRoot, 'package.json'), 'utf8'));
    for (const block of fenced(readme, 'sh')) {
      for (const [, name, short] of block.matchAll(/^npm (?:run (\S+)|(test))/gm)) {
        expect(scripts).to.have.property(String(name ?? short));
      }
    }
  });

  it('links to files that there are', async () => {
    for (const [, path] of readme.matchAll(/\]\(([^)#:]+)\)/g)) {
      await readFile(join(repositoryRoot, String(path)));
    }
  });

  it('leads to every page of docs', async () => {
    const pages = (await readdir(join(repositoryRoot, 'docs'))).map((name) => `docs/${name}`);
    expect(pages.filter((page) => !readme.includes(`](${page})`))).to.deep.equal([]);
  });
});

describe('docs and help', () => {
  it('show commands and flags that there are', async () => {
    const shown = fakeIo();
    for (const command of everyCommand(createProgram(shown.io, () => undefined))) command.outputHelp();
    const examples = shown.stdout().match(/^ {2}mabuild .*/gm) ?? [];
    expect(examples).to.have.length.greaterThan(8);
    const pages = await Promise.all(
      ['emulation', 'engines', 'cli'].map((page) =>
        readFile(join(repositoryRoot, `docs/${page}.md`), 'utf8'),
      ),
    );
    const lines = [...examples, ...pages.flatMap((page) => fenced(page, 'sh')).flatMap(mabuildLines)];
    for (const line of lines) expect(() => parse(line.trim()), line).to.not.throw();
  });
});

describe('examples/check.ts', () => {
  it('names what breaks', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'mabuild-example-'));
    try {
      const file = join(directory, 'Dockerfile');
      await writeFile(file, 'FROM node:24\nRUN node --version\n');
      const program = join(repositoryRoot, 'examples/check.ts');
      const result = await runNode(['--conditions=@mabuild/source', '--import=tsx', program, file], {
        cwd: repositoryRoot,
        env: { HOME: directory },
      });
      expect(result.stderr).to.equal('');
      expect(result.stdout).to.match(/Dockerfile: error: .*node:24.* linux\/arm\/v7/);
      expect(result.status).to.equal(0);
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});

/** The texts of a page's fenced blocks in a language. */
function fenced(page: string, language: string): string[] {
  const blocks = page.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'));
  return [...blocks].map((match) => String(match[1]));
}

function mabuildLines(block: string): string[] {
  return block.split('\n').filter((line) => line.startsWith('mabuild '));
}

function everyCommand(program: Command): readonly Command[] {
  return program.commands.flatMap((command) => [command as Command, ...(command.commands as Command[])]);
}

/** Parses a command line as the command would, without running it. */
function parse(line: string): void {
  const words = line
    .replace(/\s[#<>|].*$/, '')
    .trim()
    .split(/\s+/)
    .slice(1);
  const program = createProgram(fakeIo().io, () => undefined);
  for (const command of everyCommand(program)) {
    if (command.commands.length === 0) command.action(() => undefined);
  }
  program.parse(words, { from: 'user' });
}
