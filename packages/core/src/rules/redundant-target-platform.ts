import { expandWord } from '../dockerfile/words.ts';
import { armPlatforms } from './code-finding.ts';
import { automaticValues } from './platform-arg.ts';
import type { Rule } from './rule.ts';

const name = 'redundant-target-platform';

export const redundantTargetPlatform: Rule = {
  name,
  summary: 'FROM --platform=$TARGETPLATFORM says what holds without it.',
  page: {
    why: 'A FROM without --platform is for the target platform anyway. The classic builder knows no TARGETPLATFORM and stops at the empty value.',
    bad: 'FROM --platform=$TARGETPLATFORM alpine',
    good: 'FROM alpine',
    silent: ['The flag names $BUILDPLATFORM, a constant, or more than TARGETPLATFORM.'],
  },
  async check(dockerfile, context) {
    const platforms = armPlatforms(context);
    const [first] = platforms;
    if (!first || !dockerfile.text.includes('TARGETPLATFORM')) return [];
    const values = automaticValues(first);
    const hidden = dockerfile.globalArgs.some(({ words }) =>
      words.some(({ raw }) => raw.startsWith('TARGETPLATFORM=')),
    );
    return dockerfile.stages.flatMap((stage) => {
      const { platform } = stage;
      if (!platform?.value?.includes('TARGETPLATFORM') || hidden) return [];
      try {
        // BuildKit's RedundantTargetPlatform asks the same: no other variable, the same value.
        const { text, matched } = expandWord(platform.value, new Map(Object.entries(values)));
        if (text !== values.TARGETPLATFORM || matched.some((other) => other !== 'TARGETPLATFORM')) return [];
      } catch {
        return [];
      }
      return [
        {
          rule: name,
          severity: 'info' as const,
          platforms,
          message: '--platform=$TARGETPLATFORM is what FROM takes by itself',
          hint: 'leave the flag out',
          range: platform.range,
          fix: 'auto' as const,
          edits: [{ start: platform.range.start, end: stage.base.range.start, newText: '' }],
        },
      ];
    });
  },
};
