import { readCode } from '../analysis/code-words.ts';
import { archTokens } from '../knowledge/architecture-names.ts';
import { armPlatforms, spanRange } from './code-finding.ts';
import type { Rule } from './rule.ts';

const name = 'rootfs-tarball';

export const rootfsTarball: Rule = {
  name,
  summary: 'A stage from scratch unpacks a root filesystem that is made for one architecture.',
  page: {
    why: 'ADD of an archive into scratch is the whole image: with an archive for x86 the image of every platform is an x86 one.',
    bad: 'FROM scratch\nADD rootfs.tar.xz /',
    good: 'FROM scratch\nARG TARGETARCH\nADD rootfs-${TARGETARCH}.tar.xz /',
    silent: ['The name of the archive changes with the platform.', 'The archive is not unpacked into /.'],
  },
  async check(dockerfile, context) {
    const platforms = armPlatforms(context);
    if (platforms.length === 0) return [];
    return readCode(dockerfile, context).words.flatMap((word) => {
      const { instruction, stage, mapped } = word;
      if (word.role !== 'source' || instruction.keyword !== 'ADD' || stage?.base.raw !== 'scratch') return [];
      const target = instruction.words.at(-1)?.raw;
      if (target !== '/' || mapped.switched || !/\.tar(?:\.\w+)?$|\.t[gbx]z2?$/.test(mapped.text)) return [];
      // An archive with x86 in its name is prebuilt-x86-file's.
      if (mapped.text.includes('://') || archTokens(mapped.text).length > 0) return [];
      return [
        {
          rule: name,
          severity: 'warning' as const,
          platforms,
          message: `${mapped.text} is the whole image, for whichever architecture it was made`,
          hint: 'put ${TARGETARCH} into the name of the archive and provide one for each platform',
          range: spanRange(word, { start: 0, end: mapped.text.length }),
          fix: 'none' as const,
          edits: [],
        },
      ];
    });
  },
};
