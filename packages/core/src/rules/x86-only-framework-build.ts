import { readCode } from '../analysis/code-words.ts';
import { installOperands } from '../analysis/install-operands.ts';
import { platformKey } from '../fixes/variation.ts';
import { isBefore } from '../knowledge/python-packages.ts';
import { armPlatforms } from './code-finding.ts';
import { mentions, wordsOf } from './mentions.ts';
import { pythonPackage } from './pip-native-package.ts';
import type { Rule } from './rule.ts';
import { findingsOf, type WordHit } from './word-hits.ts';

const name = 'x86-only-framework-build';

export const x86OnlyFrameworkBuild: Rule = {
  name,
  summary: 'pip is asked for a framework that has no build for ARM, e.g. tensorflow==1.15.',
  page: {
    why: 'Some frameworks are published as wheels alone, without sources that pip could compile: TensorFlow before 2.10 and PyTorch before 1.8 for x86 only, and to this day not for 32-bit ARM. pip ends with "no matching distribution found". Which newer version, or which other library, does the same is for people to decide.',
    bad: 'FROM python:3.7\nRUN pip install tensorflow==1.15',
    good: 'FROM python:3.11\nRUN pip install tflite-runtime',
    silent: [
      'The version is not pinned, or recent: there are wheels for arm64.',
      'The command names an index of its own, which may have a build.',
      'The package is installed on x86 only: if, case.',
    ],
  },
  async check(dockerfile, context) {
    const platforms = armPlatforms(context);
    if (platforms.length === 0 || !mentions(dockerfile, context, wordsOf.pip)) return [];
    const hits = installOperands(readCode(dockerfile, context), wordsOf.pip).flatMap(
      (operand): readonly WordHit[] => {
        const item = pythonPackage(operand);
        if (!item || item.source) return [];
        const { word, start, end, version } = operand;
        const cuda = /\+cu\d/.test(version?.text ?? '');
        const without = platforms.filter((platform) =>
          platform.architecture === 'arm64'
            ? item.arm64From === undefined || isBefore(version?.text, item.arm64From) || cuda
            : !item.arm32,
        );
        return [
          {
            word,
            start,
            end,
            texts: {},
            platforms: without,
            message: `${operand.text} is not published for ${without.map(platformKey).join(' and ')}`,
            hint: item.instead ?? 'use another version or library there',
          },
        ];
      },
    );
    return findingsOf(name, dockerfile, context, hits);
  },
};
