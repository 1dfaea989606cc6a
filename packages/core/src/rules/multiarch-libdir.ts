import type { Platform } from '@mabuild/oci';
import { libraryFolders } from '../analysis/armel-base.ts';
import type { CodeWord } from '../analysis/code-words.ts';
import { readCode } from '../analysis/code-words.ts';
import type { Dockerfile, Instruction } from '../dockerfile/model.ts';
import { nameIn } from '../knowledge/architecture-names.ts';
import { armPlatforms, isLeftAlone, isShown } from './code-finding.ts';
import type { Rule, RuleContext } from './rule.ts';
import { findingsOf, type WordHit } from './word-hits.ts';

const name = 'multiarch-libdir';

/** A folder of its own in a path; `x86_64-linux-gnu-gcc` is a compiler, `foo-x86_64-linux-gnu.tar.gz` a download. */
const folder = /(?<=\/)(x86_64|i[36]86)-linux-gnu(?=$|[/:\s"'*?,;|#)\]])/g;

const trigger = /linux-gnu/;

export const multiarchLibdir: Rule = {
  name,
  summary: "The path goes through x86's library folder, e.g. /usr/lib/x86_64-linux-gnu.",
  page: {
    why: 'Debian and Ubuntu keep libraries in a folder that is named for the architecture: /usr/lib/aarch64-linux-gnu on arm64, /usr/lib/arm-linux-gnueabihf on arm/v7. A path with x86_64-linux-gnu does not exist there: COPY and cp fail, a library path is silently useless.',
    bad: 'FROM debian:12\nENV LD_LIBRARY_PATH=/usr/lib/x86_64-linux-gnu/foo\nRUN ln -s /usr/lib/x86_64-linux-gnu/libfoo.so.1 /usr/lib/libfoo.so',
    good: 'FROM debian:12\nRUN ln -s /usr/lib/*-linux-gnu*/libfoo.so.1 /usr/lib/libfoo.so',
    perArch: {
      platform: 'linux/arm/v7',
      text: 'FROM --platform=linux/arm/v7 arm32v7/debian:12\nENV LD_LIBRARY_PATH=/usr/lib/arm-linux-gnueabihf/foo\nRUN ln -s /usr/lib/arm-linux-gnueabihf/libfoo.so.1 /usr/lib/libfoo.so',
    },
    silent: [
      'The instruction also names the folder of the platform.',
      'The word is an address, or the name of a compiler or of an archive.',
      'The code runs on x86 only: if, case, a stage named for it or on the build platform.',
    ],
  },
  async check(dockerfile, context) {
    const platforms = armPlatforms(context);
    if (platforms.length === 0 || !trigger.test(dockerfile.text)) return [];
    const unnamed = new Map<Instruction, readonly Platform[]>();
    const hits = readCode(dockerfile, context)
      .wordsAbout(trigger)
      .flatMap((word) => {
        if (!word.mapped.text.includes('86') || isExempt(word)) return [];
        const missing = unnamed.get(word.instruction) ?? withoutFolder(word.instruction, platforms);
        unnamed.set(word.instruction, missing);
        return hitsOf(dockerfile, context, word, missing);
      });
    return findingsOf(name, dockerfile, context, hits);
  },
};

function isExempt(word: CodeWord): boolean {
  if (isLeftAlone(word)) return true;
  // The rule x86-preload-or-jvm-flag says more.
  if (word.name === 'LD_PRELOAD') return true;
  // A test for the folder is how a file asks for the architecture: what it guards is left alone, and so is it.
  if (/^(?:\[\[?|test)$/.test(word.command?.name ?? '') && !endsRun(word)) return true;
  return isShown(word);
}

/** What a list of `&&` goes on with to the end of its script, where it names no folder that the test asked for. */
const onlyAnds = /^\s*(?:&&(?:(?!86)[^;|&\n(){}`]|>&)*)*;?\s*$/;

/** `|| exit 1`, `|| { echo …; exit 1; }`: whatever follows, the RUN fails there. */
const orFails = /^\s*\|\|\s*(?:exit\b|false\b|\{(?:(?!86)[^{}])*\bexit\b[^{}]*\})/;

/** A test that asks nothing: without the file the RUN fails. */
function endsRun({ command, script }: CodeWord): boolean {
  if (!command || !script || command.nested || script.when !== 'build') return false;
  const { text } = script.logical;
  const [before = ''] = text.slice(0, command.start).split(/[;\n]/).slice(-1);
  const after = text.slice(command.end);
  return !/\|\||!\s*$/.test(before) && (onlyAnds.test(after) || orFails.test(after));
}

/** The platforms whose own folder an instruction does not name beside x86's. */
function withoutFolder(
  { logical, heredocs }: Instruction,
  platforms: readonly Platform[],
): readonly Platform[] {
  const texts = [logical.text, ...heredocs.map(({ content }) => content)];
  return platforms.filter((platform) => {
    const own = nameIn('debian-multiarch', platform);
    return own === undefined || !texts.some((text) => text.includes(own));
  });
}

function hitsOf(
  dockerfile: Dockerfile,
  context: RuleContext,
  word: CodeWord,
  platforms: readonly Platform[],
): readonly WordHit[] {
  const { text } = word.mapped;
  return [...text.matchAll(folder)].flatMap((match): WordHit[] => {
    if (/:\/\/[^\s"']*$/.test(text.slice(0, match.index))) return [];
    const is64 = match[1] === 'x86_64';
    const texts = is64 ? libraryFolders(dockerfile, word.stage, platforms, context) : {};
    return [
      {
        word,
        start: match.index,
        end: match.index + match[0].length,
        platforms,
        texts,
        message: `${match[0]} is the library folder of ${is64 ? 'amd64' : '32-bit x86'}`,
        ...(is64 ? {} : { hint: 'there are no 32-bit x86 libraries on ARM: leave what needs them out' }),
      },
    ];
  });
}
