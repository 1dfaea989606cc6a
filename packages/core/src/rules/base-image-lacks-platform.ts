import { findMissingPlatforms } from './lacks-platform.ts';
import type { Rule } from './rule.ts';

const name = 'base-image-lacks-platform';

export const baseImageLacksPlatform: Rule = {
  name,
  summary: 'The image of a FROM has nothing for a platform.',
  check: (dockerfile, context) =>
    findMissingPlatforms(name, dockerfile, context, ({ use }) => use.kind === 'from'),
};
