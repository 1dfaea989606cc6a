import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { startTestRegistry, type TestRegistry } from '@mabuild/registry/testing';
import { expect } from 'chai';
import { createProgram, runProgram } from '../../packages/cli/src/program.ts';
import { armFlags, type ElfRecipe, machines, makeElf } from '../support/elf.ts';
import { fakeIo } from '../support/io.ts';
import { makeImage } from '../support/made-image.ts';
import { publish } from '../support/published.ts';
import { repositoryRoot } from '../support/sources.ts';
import { makeTar } from '../support/tar.ts';

type Command = ReturnType<typeof createProgram>;

const names = {
  x64: { machine: machines.x64, type: 2 },
  arm64: { machine: machines.arm64, type: 2 },
} as const;

describe('docs/registry.md', () => {
  let page: string;
  let directory: string;
  let registry: TestRegistry;
  before(async () => {
    page = await readFile(join(repositoryRoot, 'docs/registry.md'), 'utf8');
    directory = await mkdtemp(join(tmpdir(), 'mabuild-registry-page-'));
    registry = await startTestRegistry();
    const rootfs = (recipe: ElfRecipe): Buffer =>
      gzipSync(makeTar([{ path: 'bin/sh', mode: 0o755, content: makeElf(recipe) }]));
    await writeFile(join(directory, 'base-arm64.tar.gz'), rootfs(names.arm64));
    // Told by its first bytes, whatever its name.
    const armhf = { machine: machines.arm, type: 2, flags: armFlags.hard, attributes: { cpuArch: 10 } };
    await writeFile(join(directory, 'base-armhf.tar.xz'), rootfs(armhf));
    const image = (arm64: ElfRecipe): ReturnType<typeof makeImage> =>
      makeImage(
        ...Object.entries({ 'linux/amd64': names.x64, 'linux/arm64': arm64 }).map(([platform, recipe]) => ({
          platform,
          layers: [[{ path: 'usr/bin/server', mode: 0o755, content: makeElf(recipe) }]],
        })),
      );
    await publish(image(names.arm64), `${registry.host}/team/app:1.0`);
    await publish(image(names.arm64), `${registry.host}/team/app:latest`);
    await publish(image(names.x64), `${registry.host}/team/app:1.1`);
  });
  after(async () => {
    await registry.close();
    await rm(directory, { recursive: true });
  });

  it('shows what its commands print', async () => {
    const shown = blocks(page, 'console').flatMap((block) => block.split(/^\$ /m).slice(1));
    expect(shown).to.have.length(5);
    for (const one of shown) {
      const [command = '', ...lines] = one.trimEnd().split('\n');
      const world = fakeIo({
        workingDirectory: directory,
        environment: { HOME: directory, MABUILD_CACHE: join(directory, 'cache') },
      });
      await runProgram(world.io, wordsOf(command.replaceAll('localhost:5000', registry.host)).slice(1));
      const printed = world.stdout().replaceAll(registry.host, 'localhost:5000');
      expectParts(printed, lines.join('\n'), `${command}\n${printed}${world.stderr()}`);
    }
  });

  it('shows commands and flags that there are', () => {
    const lines = blocks(page, 'sh').flatMap((block) => block.trimEnd().split('\n'));
    expect(lines).to.have.length.greaterThan(12);
    const inText = [...page.matchAll(/`(mabuild [a-z]+ [^`]+)`/g)].map((match) => String(match[1]));
    for (const line of [...lines, ...inText]) {
      const words = wordsOf(line.replace(/^.* \| /, '').replace(/ < \S+$/, ''));
      expect(words[0], line).to.equal('mabuild');
      const program = createProgram(fakeIo().io, () => undefined);
      for (const command of leaves(program)) command.action(() => undefined);
      expect(() => program.parse(words.slice(1), { from: 'user' }), line).to.not.throw();
    }
  });

  it('names verbs that there are, and leaves none out', () => {
    const rows = [
      ...(page.split('## Verb by verb')[1]?.split('## ')[0] ?? '').matchAll(/^\| [^|]+ \| ([^|]+) \|/gm),
    ];
    const named = rows.flatMap(([, cell = '']) =>
      [...cell.matchAll(/`([a-z ]+?)(?: --[^`]*)?`/g)].map(([, verb]) => verb),
    );
    const notOfRegistries = [
      'build',
      'run',
      'check',
      'migrate',
      'rules',
      'doctor',
      'cache du',
      'cache prune',
      'emulator fetch',
    ];
    const there = leaves(createProgram(fakeIo().io, () => undefined))
      .map(nameOf)
      .filter((name) => !notOfRegistries.includes(name));
    expect([...new Set(named)].sort()).to.deep.equal(there.sort());
  });

  it('tells the numbers of requests that are counted', async () => {
    const test = await readFile(join(repositoryRoot, 'test/registry/request-budget.test.ts'), 'utf8');
    const counted = [...test.matchAll(/^ {2}'[^']+': (\d+),$/gm)].map(([, count]) => count);
    const told = [...(page.split('## Requests')[1] ?? '').matchAll(/^\| [^|]+ \| (\d+) \|/gm)].map(
      ([, count]) => count,
    );
    expect(told).to.have.length(5);
    expect(told).to.deep.equal(counted);
  });

  it('links to files and headings that there are', async () => {
    const headings = [...page.matchAll(/^#+ (.+)$/gm)].map(([, text = '']) =>
      text
        .toLowerCase()
        .replace(/[^\w -]/g, '')
        .replaceAll(' ', '-'),
    );
    for (const [, path = '', anchor] of page.matchAll(/\]\(([^)#:]*)(?:#([^)]+))?\)/g)) {
      if (path !== '') await readFile(join(repositoryRoot, 'docs', path));
      else expect(headings).to.include(anchor);
    }
  });
});

function leaves(command: Command): readonly Command[] {
  return command.commands.flatMap((one) =>
    one.commands.length > 0 ? leaves(one as Command) : [one as Command],
  );
}

function nameOf(command: Command): string {
  const above = command.parent;
  return above?.parent ? `${above.name()} ${command.name()}` : command.name();
}

/** Words as a shell splits them, as far as the page needs it. */
function wordsOf(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(
    ([, single, double, bare]) => single ?? double ?? bare ?? '',
  );
}

/** Expects a text to be what is shown, where `…` stands for anything. */
function expectParts(text: string, shown: string, what: string): void {
  let at = 0;
  for (const part of shown.split(/\n?…\n?/)) {
    const found = text.indexOf(part, at);
    expect(found, `${what}: ${part}`).to.be.at.least(0);
    at = found + part.length;
  }
}

function blocks(page: string, language: string): readonly string[] {
  const found = page.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'));
  return [...found].map((match) => String(match[1]));
}
