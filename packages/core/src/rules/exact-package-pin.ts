import { readCode } from '../analysis/code-words.ts';
import { installOperands } from '../analysis/install-operands.ts';
import { platformKey } from '../fixes/variation.ts';
import { armPlatforms } from './code-finding.ts';
import type { Rule } from './rule.ts';
import { findingsOf, type WordHit } from './word-hits.ts';

const name = 'exact-package-pin';

const trigger = /\+b\d/;

export const exactPackagePin: Rule = {
  name,
  summary: 'apt is asked for a version with the number of a rebuild, e.g. libfoo1=1.2-3+b1.',
  page: {
    why: 'Debian counts rebuilds of a package for each architecture: what is 1.2-3+b1 on amd64 may be 1.2-3 or 1.2-3+b2 on ARM, and apt finds no such version there.',
    bad: 'FROM debian:bookworm\nRUN apt-get update && apt-get install -y libfoo1=1.2-3+b1',
    good: 'FROM debian:bookworm\nRUN apt-get update && apt-get install -y libfoo1=1.2-3*',
    silent: ['The version has no +bN: every architecture has it.', 'The package is installed on x86 only.'],
  },
  async check(dockerfile, context) {
    const platforms = armPlatforms(context);
    if (platforms.length === 0 || !trigger.test(dockerfile.text)) return [];
    const texts = Object.fromEntries(platforms.map((platform) => [platformKey(platform), '*']));
    const hits = installOperands(readCode(dockerfile, context), trigger).flatMap(
      (operand): readonly WordHit[] => {
        const { manager, word, version, text } = operand;
        const rebuild = /\+b\d+$/.exec(version?.text ?? '')?.[0];
        if (manager !== 'apt' || !version || rebuild === undefined) return [];
        if (word.guarded || word.buildPlatform) return [];
        return [
          {
            word,
            start: version.end - rebuild.length,
            end: version.end,
            texts,
            name: 'rebuild',
            severity: 'info',
            fix: 'suggest',
            message: `${text}: rebuilds have other numbers on other architectures`,
            hint: `ask for ${text.slice(0, -rebuild.length)}*`,
          },
        ];
      },
    );
    return findingsOf(name, dockerfile, context, hits);
  },
};
