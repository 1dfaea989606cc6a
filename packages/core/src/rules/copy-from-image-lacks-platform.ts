import { findMissingPlatforms } from './lacks-platform.ts';
import type { Rule } from './rule.ts';

const name = 'copy-from-image-lacks-platform';

export const copyFromImageLacksPlatform: Rule = {
  name,
  summary: 'The image of a COPY --from or RUN --mount=from has nothing for a platform.',
  check: (dockerfile, context) =>
    findMissingPlatforms(name, dockerfile, context, ({ use }) => use.kind !== 'from'),
};
