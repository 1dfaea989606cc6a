import { readCode } from '../analysis/code-words.ts';
import { armPlatforms, spanRange } from './code-finding.ts';
import type { Rule } from './rule.ts';

const name = 'digest-in-command';
const pinned = /^[a-z0-9][\w./-]*(?::[\w.-]+)?@(?:sha256:)?[0-9a-f]{64}$/;

const trigger = /@/;

export const digestInCommand: Rule = {
  name,
  summary: 'A command takes an image by digest.',
  page: {
    why: 'The digest of an image is that of one platform; only the digest of an index stands for all of them. What a command pulls or saves by it may be the x86 image on every platform.',
    bad: 'FROM debian:12\nRUN ./download-image.sh /images busybox:latest@sha256:e4f93f6ed15a0cdd342f5aae387886fba0ab98af0a102da6276eaf24d6e6ade0',
    good: 'FROM debian:12\nRUN ./download-image.sh /images busybox:1.36',
    silent: ['The image is that of a FROM or COPY --from: other rules speak of those.'],
  },
  async check(dockerfile, context) {
    const platforms = armPlatforms(context);
    if (platforms.length === 0 || !trigger.test(dockerfile.text)) return [];
    return readCode(dockerfile, context)
      .wordsAbout(trigger)
      .flatMap((word) => {
        const { text } = word.mapped;
        if (word.role !== 'argument' || word.guarded || word.buildPlatform || !pinned.test(text)) return [];
        return [
          {
            rule: name,
            severity: 'info' as const,
            platforms,
            message: `the digest of ${text.slice(0, text.indexOf('@'))} may be that of its x86 image`,
            hint: 'take the digest of the index, or of each platform',
            range: spanRange(word, { start: 0, end: text.length }),
            fix: 'none' as const,
            edits: [],
          },
        ];
      });
  },
};
