import { findMissingPlatforms } from './lacks-platform.ts';
import type { Rule } from './rule.ts';

const name = 'copy-from-image-lacks-platform';

export const copyFromImageLacksPlatform: Rule = {
  name,
  summary: 'The image of a COPY --from or RUN --mount=from has nothing for a platform.',
  page: {
    why: 'COPY --from=IMAGE and RUN --mount=from=IMAGE take the image of the platform that is built. When it lacks that platform, the build stops there.',
    bad: 'FROM debian:bookworm\nCOPY --from=node:24 /usr/local/bin/node /usr/local/bin/',
    good: 'FROM debian:bookworm\nCOPY --from=node:22 /usr/local/bin/node /usr/local/bin/',
    silent: [
      'When what is named is a stage of the file.',
      'When nobody knows what the image has: it is in no table, and no registry is asked without --online.',
    ],
  },
  check: (dockerfile, context) =>
    findMissingPlatforms(name, dockerfile, context, ({ use }) => use.kind !== 'from'),
};
