import { siteKey } from '../analysis/arch-places.ts';
import { type CodeWord, readCode } from '../analysis/code-words.ts';
import { siteAt } from '../analysis/mapped-text.ts';
import { archTokens } from '../knowledge/architecture-names.ts';
import { armPlatforms, placesFor, siteKeys, spanRange } from './code-finding.ts';
import { mentions, wordsOf } from './mentions.ts';
import type { Finding, Rule } from './rule.ts';

const name = 'unexplained-x86-word';
/** Commands that only show their arguments. */
const shows: ReadonlySet<string> = new Set(['echo', 'printf', 'export', 'case', '[', 'test']);
const namesArm = /arm|aarch/i;
const otherSystem = /windows|win32|darwin|macos|freebsd/i;
const roles: ReadonlySet<string> = new Set(['argument', 'env', 'arg', 'assignment', 'heredoc']);

export const unexplainedX86Word: Rule = {
  name,
  summary: 'A command or value names x86, and nothing else in the file tells why.',
  yields: true,
  page: {
    why: 'The word may be a file, a choice of a script or a setting: mabuild cannot tell, but on ARM somebody should look at it.',
    bad: 'FROM debian:12\nRUN ./install.sh linux amd64',
    good: 'FROM debian:12\nARG TARGETARCH\nRUN ./install.sh linux "$TARGETARCH"',
    silent: [
      'Another rule speaks of the word.',
      'The word stands beside the name of another architecture, or behind a condition on the architecture.',
      'The command only shows it.',
    ],
  },
  async check(dockerfile, context) {
    const platforms = armPlatforms(context);
    if (platforms.length === 0 || !mentions(dockerfile, context, wordsOf.x86)) return [];
    const reading = readCode(dockerfile, context);
    const places = await placesFor(dockerfile, context);
    const seen = siteKeys(places);
    const knowsArm = namesArm.test(dockerfile.text);
    return reading
      .wordsAbout(wordsOf.x86)
      .filter((word) => mayMean(word) && !isMapped(word))
      .flatMap((word): readonly Finding[] => {
        const { text } = word.mapped;
        const [token, ...others] = archTokens(text);
        const site = token && siteAt(word.mapped, token.start, token.end);
        if (!token || !site || seen.has(siteKey(site))) return [];
        // 32-bit x86 is meant where the file knows ARM, and in a list of systems.
        if (token.family === 'i386' && (knowsArm || others.length > 0 || otherSystem.test(text))) return [];
        seen.add(siteKey(site));
        return [
          {
            rule: name,
            severity: 'info',
            platforms,
            message: `${token.token} is said of every platform`,
            hint: 'let it come from TARGETARCH when it means the platform of the image',
            range: spanRange(word, token),
            fix: 'none',
            edits: [],
          },
        ];
      });
  },
};

/** A pipeline such as `uname -m | sed s/x86_64/amd64/ | sed s/aarch64/arm64/` has words for ARM too. */
function isMapped({ command, script }: CodeWord): boolean {
  if (command?.name !== 'sed' || !script) return false;
  return script.shell.commands.some(
    ({ name: other, pipeline, words }) =>
      other === 'sed' && pipeline === command.pipeline && words.some(({ text }) => namesArm.test(text)),
  );
}

function mayMean({ role, guarded, buildPlatform, mapped, command, instruction }: CodeWord): boolean {
  if (!roles.has(role) || guarded || buildPlatform || mapped.switched) return false;
  if (instruction.keyword !== 'RUN' && instruction.keyword !== 'ENV' && instruction.keyword !== 'ARG')
    return false;
  if (role === 'argument' && shows.has(command?.name ?? '') && command?.redirects.length === 0) return false;
  return !namesArm.test(mapped.text);
}
