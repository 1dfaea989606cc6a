import { type CodeWord, readCode } from '../analysis/code-words.ts';
import { type InstallOperand, installOperands } from '../analysis/install-operands.ts';
import { armPlatforms, isLeftAlone } from './code-finding.ts';
import type { Rule } from './rule.ts';
import { findingsOf, type WordHit } from './word-hits.ts';

const name = 'i386-multilib';

/** 32-bit x86 libraries and compilers for them, as Debian, Ubuntu and Arch name them. */
const multilib =
  /^(?:(?:gcc|g\+\+|gobjc|gobjc\+\+|gfortran|gdc|gccgo)(?:-[\d.]+)?-multilib|lib(?:32|x32)[a-z].*|ia32-libs.*|libc6(?:-dev)?-(?:i386|x32)|lib32-.+|wine32)$/;

/** What the names of such packages have in common. */
const hint = /[3456]86|multilib|lib3|libx32|libc6|ia32|wine32/;

/** Tells whether an operand is a package for 32-bit x86. */
export function isMultilibPackage({ manager, name: packageName, architecture }: InstallOperand): boolean {
  if (manager === 'apt') return architecture?.text === ':i386' || multilib.test(packageName);
  return manager === 'rpm' && /^\.i[3456]86$/.test(architecture?.text ?? '');
}

export const i386Multilib: Rule = {
  name,
  summary: 'Packages for 32-bit x86 are installed: --add-architecture i386, gcc-multilib, .i686.',
  page: {
    why: 'x64 runs 32-bit x86 programs, ARM runs neither. Debian on ARM has no packages of i386 that could run, no gcc-multilib and no lib32…, and RPM distributions have no .i686 there. What needs these packages (Wine, Steam, old SDKs) does not run on ARM at all.',
    bad: 'FROM debian:bookworm\nRUN dpkg --add-architecture i386 && apt-get update && apt-get install -y libc6:i386 gcc-multilib',
    good: 'FROM debian:bookworm\nRUN apt-get update && apt-get install -y gcc',
    silent: [
      'The architecture that is added is an ARM one: --add-architecture armhf.',
      'The packages are installed on x86 only: if, case, a stage named for it.',
      'The stage is FROM --platform=$BUILDPLATFORM.',
    ],
  },
  async check(dockerfile, context) {
    if (armPlatforms(context).length === 0 || !hint.test(dockerfile.text)) return [];
    const reading = readCode(dockerfile, context);
    const packages = installOperands(reading, hint)
      .filter((operand) => isMultilibPackage(operand) && !isLeftAlone(operand.word))
      .map(
        ({ word, start, end }): WordHit => ({
          word,
          start,
          end,
          texts: {},
          message: 'a package for 32-bit x86 is installed',
          hint: 'ARM cannot run it: leave out what needs it, or keep it in a stage for linux/386 whose files are copied',
        }),
      );
    const added = reading
      .wordsAbout(hint)
      .filter(isAddedArchitecture)
      .map(
        (word): WordHit => ({
          word,
          start: 0,
          end: word.mapped.text.length,
          texts: {},
          message: 'packages of i386 are made available',
          hint: 'ARM cannot run them: leave out what needs them',
        }),
      );
    return findingsOf(name, dockerfile, context, [...added, ...packages]);
  },
};

function isAddedArchitecture(word: CodeWord): boolean {
  const { command, index, mapped } = word;
  if (!/(?:^|=)i386$/.test(mapped.text) || index === undefined || isLeftAlone(word)) return false;
  if (word.role !== 'argument' || word.instruction.keyword !== 'RUN') return false;
  if (mapped.text.startsWith('--add-architecture=')) return true;
  const before = command?.words[index - 1]?.text ?? word.instruction.args[index - 1];
  return before === '--add-architecture';
}
