import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { createProgram } from '../../packages/cli/src/program.ts';
import { version } from '../../packages/cli/src/version.ts';
import { fakeIo } from '../support/io.ts';
import { repositoryRoot } from '../support/sources.ts';

type Command = ReturnType<typeof createProgram>;

const page = readFileSync(join(repositoryRoot, 'docs/cli.md'), 'utf8');
const everywhere = ['--debug', '--no-color', '--config', '--mirror', '--help'];

describe('docs/cli.md and --help', () => {
  const { io } = fakeIo();
  const program = createProgram(io, () => undefined);

  it('list the same commands', () => {
    const documented = [...page.matchAll(/^### mabuild ([a-z]+(?: [a-z]+)*)/gm)].map((match) => match[1]);
    expect([...leaves(program).keys()].sort()).to.deep.equal(documented.sort());
  });

  for (const [name, command] of leaves(program)) {
    it(`give ${name} the same flags`, () => {
      expect(flagsOf(command)).to.deep.equal(documentedFlags(name));
    });

    it(`show an example of ${name}`, () => {
      const shown = fakeIo();
      leaves(createProgram(shown.io, () => undefined))
        .get(name)
        ?.outputHelp();
      expect(shown.stdout()).to.match(/Examples?:\n {2}mabuild /);
    });
  }

  it('agree on the version with package.json', () => {
    const manifest = JSON.parse(readFileSync(join(repositoryRoot, 'packages/cli/package.json'), 'utf8'));
    expect(version).to.equal(manifest.version);
  });
});

/** Commands that do something, by name: `index create`, not `index`. */
function leaves(program: Command): ReadonlyMap<string, Command> {
  const named = program.commands.flatMap((command): (readonly [string, Command])[] =>
    command.commands.length === 0
      ? [[command.name(), command as Command]]
      : command.commands.map((sub) => [`${command.name()} ${sub.name()}`, sub as Command] as const),
  );
  return new Map(named);
}

function flagsOf(command: Command): string[] {
  return command.options
    .flatMap((option) => [option.short, option.long])
    .filter((flag) => flag !== undefined && !everywhere.includes(flag))
    .map(String)
    .sort();
}

function documentedFlags(name: string): string[] {
  const section = page.split(`### mabuild ${name}`)[1]?.split(/^##/m)[0] ?? '';
  const rows = section.split('\n').filter((line) => line.startsWith('| `-'));
  return rows
    .flatMap((row) => [...(row.split('|')[1] ?? '').matchAll(/`(-[^`]+)`/g)].map((match) => String(match[1])))
    .sort();
}
