import { readCode } from '../analysis/code-words.ts';
import { scriptRange } from '../analysis/scripts.ts';
import type { Stage } from '../dockerfile/model.ts';
import type { ShellCommand } from '../dockerfile/shell-model.ts';
import { armPlatforms } from './code-finding.ts';
import { mentions } from './mentions.ts';
import type { Finding, Rule } from './rule.ts';

const name = 'emulation-hostile-step';

/** Programs, and what is known to be bad about them under qemu-user. */
const hostile: Readonly<Record<string, string>> = {
  ...each('mvn mvnw gradle gradlew sbt lein bazel', 'a JVM is slow, and may hang, under emulation'),
  ...each('ghc cabal stack', 'GHC may run out of memory or crash under emulation'),
  ...each('gdb strace ltrace', 'ptrace does not work under emulation'),
  ...each('systemctl', 'systemd does not run under emulation'),
};

const programs = new RegExp(`\\b(?:${Object.keys(hostile).join('|')}|race)\\b`);

export const emulationHostileStep: Rule = {
  name,
  summary: 'A step that is slow or fails under emulation.',
  page: {
    why: 'On a host of another architecture the RUNs of a stage are emulated. JVM builds take ten times as long or hang, GHC needs more memory than a 32-bit process has, Go’s race detector and debuggers do not work. A stage on the build platform avoids it where its output is the same everywhere.',
    bad: 'FROM maven:3 AS build\nRUN mvn package',
    good: 'FROM --platform=$BUILDPLATFORM maven:3 AS build\nRUN mvn package',
    silent: ['The stage is on the build platform.', 'The step runs on x86 only.'],
  },
  async check(dockerfile, context) {
    const platforms = armPlatforms(context);
    if (platforms.length === 0 || !mentions(dockerfile, context, programs)) return [];
    const told = new Set<Stage>();
    return readCode(dockerfile, context)
      .wordsAbout(programs)
      .flatMap((word): readonly Finding[] => {
        const { stage, script, command } = word;
        if (!stage || !script || !command || word.role !== 'argument' || word.index !== 0) return [];
        if (word.guarded || word.buildPlatform || script.when !== 'build' || told.has(stage)) return [];
        const why = whyHostile(command);
        if (why === undefined) return [];
        told.add(stage);
        return [
          {
            rule: name,
            severity: 'info',
            platforms,
            message: `${command.name ?? ''}: ${why}`,
            hint: 'build on a host of the platform, or run the stage FROM --platform=$BUILDPLATFORM when its output suits every platform',
            range: scriptRange(script, command.start, command.words.at(-1)?.end ?? command.end),
            fix: 'none',
            edits: [],
          },
        ];
      });
  },
};

function whyHostile({ name: program, words }: ShellCommand): string | undefined {
  if (program === undefined) return undefined;
  const options = words.map(({ text }) => text);
  if (program === 'go')
    return options.includes('-race') ? 'the race detector does not work under emulation' : undefined;
  if (program === 'systemctl' && !options.includes('start') && !options.includes('restart')) return undefined;
  // Their version, or help, is only asked.
  if (options.some((option) => option === '--version' || option === '-version' || option === '-v'))
    return undefined;
  return Object.hasOwn(hostile, program) ? hostile[program] : undefined;
}

function each(programs: string, why: string): Record<string, string> {
  return Object.fromEntries(programs.split(' ').map((program) => [program, why]));
}
