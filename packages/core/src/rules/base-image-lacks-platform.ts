import { findMissingPlatforms } from './lacks-platform.ts';
import type { Rule } from './rule.ts';

const name = 'base-image-lacks-platform';

export const baseImageLacksPlatform: Rule = {
  name,
  summary: 'The image of a FROM has nothing for a platform.',
  page: {
    why: 'A build for a platform that the base image lacks stops at FROM, or takes the x86 image and emulates it. Official images dropped 32-bit ARM in some versions and never had it in others; another tag of the same image often has it. A FROM that chooses a stage by the platform, FROM app-${TARGETARCH}, needs one for each: BuildKit takes the name of one that is missing for an image.',
    bad: 'FROM node:24',
    good: 'FROM node:22',
    silent: [
      'When nobody knows what the image has: it is in no table, and no registry is asked without --online.',
      'When the stage is fixed to a platform by FROM --platform, or is not needed for what is built.',
    ],
  },
  check: (dockerfile, context) =>
    findMissingPlatforms(name, dockerfile, context, ({ use }) => use.kind === 'from'),
};
