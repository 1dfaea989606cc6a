import type { CodeReading, CodeWord } from '../analysis/code-words.ts';
import { archTokens } from '../knowledge/architecture-names.ts';
import { wordsOf } from './mentions.ts';
import type { WordHit } from './word-hits.ts';

/** Commands that show, change or compare texts, and those that other rules know better. */
const others: ReadonlySet<string> = new Set([
  ...['echo', 'printf', 'sed', 'awk', 'test', '[', '[[', 'export', 'mkdir', 'rm', 'cd', 'setarch'],
  ...['dpkg', 'apt', 'apt-get', 'apk', 'yum', 'dnf', 'rpm', 'rustup', 'cargo', 'conda', 'dotnet', 'tar'],
]);

/**
 * The words of commands that are nothing but the name of x86: `get-tool linux amd64`, `--arch=x86_64`, `grep amd64`. What the
 * command makes of it, only the command knows.
 */
export function x86Arguments(reading: CodeReading): readonly WordHit[] {
  return reading.wordsAbout(wordsOf.x86).flatMap((word): readonly WordHit[] => {
    if (word.role !== 'argument' || !word.script || word.script.when !== 'build') return [];
    if (!word.index || word.guarded || word.buildPlatform || word.mapped.switched) return [];
    if (others.has(word.command?.name ?? '') || comparesArm(word)) return [];
    const { text } = word.mapped;
    const value = /^(?:--?[\w-]+=)?(?:linux[/_-])?(\S+)$/.exec(text)?.[1];
    const [token] = archTokens(text);
    if (value === undefined || token?.token !== value || token.family !== 'amd64') return [];
    const message = `${word.command?.name ?? 'a command'} is told that the architecture is ${value}`;
    const hint = 'choose the word with a case on TARGETARCH, as far as it is for the image';
    return [{ word, start: token.start, end: token.end, texts: {}, severity: 'warning', message, hint }];
  });
}

/** A list of architectures is no choice of one. */
function comparesArm({ command }: CodeWord): boolean {
  return command?.words.some(({ text }) => /\b(?:arm64|aarch64|armhf|armv7)/.test(text)) ?? false;
}
