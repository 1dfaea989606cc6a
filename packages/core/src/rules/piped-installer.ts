import { formatPlatformList } from '@mabuild/oci';
import { type CodeWord, readCode } from '../analysis/code-words.ts';
import { addressPattern } from '../analysis/solve-address.ts';
import { isPosixShell, type ShellCommand } from '../dockerfile/shell-model.ts';
import { platformKey } from '../fixes/variation.ts';
import { installerPlatforms } from '../knowledge/installers.ts';
import { armPlatforms, spanRange } from './code-finding.ts';
import type { Finding, Rule, RuleContext } from './rule.ts';

const name = 'piped-installer';

const downloaders: ReadonlySet<string> = new Set(['curl', 'wget', 'fetch', 'aria2c']);

const trigger = /:\\*\/\\*\//;

export const pipedInstaller: Rule = {
  name,
  summary: 'A script from the network is piped into a shell: what it installs on ARM is its own business.',
  page: {
    why: 'The Dockerfile does not tell what such a script downloads. Many look at uname -m, which names the kernel and not the platform; some know x86 only, and fail or install x86 programs.',
    bad: 'FROM debian:12\nRUN curl -fsSL https://example.org/install.sh | sh',
    good: 'FROM debian:12\nRUN curl -fsSL https://sh.rustup.rs | sh -s -- -y',
    silent: [
      'The installer is known to serve the platform: rustup, get.docker.com, nvm, uv, poetry and others.',
    ],
  },
  async check(dockerfile, context) {
    if (armPlatforms(context).length === 0 || !trigger.test(dockerfile.text)) return [];
    return readCode(dockerfile, context)
      .wordsAbout(trigger)
      .flatMap((word) => findingFor(word, context) ?? []);
  },
};

function findingFor(word: CodeWord, context: RuleContext): Finding | undefined {
  const { command, mapped, script } = word;
  if (!command || !script || word.guarded || word.buildPlatform || script.when !== 'build') return undefined;
  if (word.role !== 'argument' || !mapped.text.includes('://')) return undefined;
  if (!downloaders.has(command.name ?? '') || !isPiped(command, script.shell.commands, script.logical.text))
    return undefined;
  const [match] = mapped.text.matchAll(addressPattern);
  if (!match) return undefined;
  const served = installerPlatforms(match[0]);
  const platforms = armPlatforms(context).filter(
    (platform) => !served?.includes('*') && !served?.includes(platformKey(platform)),
  );
  if (platforms.length === 0) return undefined;
  return {
    rule: name,
    severity: 'info',
    platforms,
    message: served
      ? `the installer is not known to work for ${formatPlatformList(platforms)}`
      : `the installer decides itself what it installs for ${formatPlatformList(platforms)}`,
    hint: 'run it for the platform, or take the packages that it installs',
    range: spanRange(word, { start: match.index, end: match.index + match[0].length }),
    fix: 'none',
    edits: [],
  };
}

/** `curl … | sh`, `sh -c "$(curl …)"`, `bash <(curl …)`. */
function isPiped(command: ShellCommand, commands: readonly ShellCommand[], text: string): boolean {
  const after = commands.filter((other) => other.pipeline === command.pipeline && other.start >= command.end);
  // What is searched is no script.
  if (after.some(({ name: filter }) => filter === 'grep' || filter === 'awk' || filter === 'jq'))
    return false;
  if (after.some((other) => runsShell(other))) return true;
  if (!command.nested) return false;
  return commands.some(
    (other) =>
      other.start < command.start &&
      other.end > command.end &&
      runsShell(other) &&
      /(?:-\w*c\s+"?|<\()\s*\$?\(?\s*$/.test(text.slice(other.start, command.start)),
  );
}

/** `sh`, `sudo -E bash -`, `env A=b sh`, `A=b sh`. */
function runsShell({ words }: ShellCommand): boolean {
  const [first, ...rest] = words.map(({ text }) => text);
  if (first === undefined) return false;
  if (isPosixShell(first)) return true;
  if (!/^(?:sudo|env|exec|su)$/.test(first)) return false;
  const program = rest.find((word) => !word.startsWith('-') && !/^\w+=/.test(word));
  return program !== undefined && isPosixShell(program);
}
