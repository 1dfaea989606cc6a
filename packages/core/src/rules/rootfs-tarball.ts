import { namesArchitecture } from '../analysis/architecture-condition.ts';
import { type CodeWord, noScript, readCode } from '../analysis/code-words.ts';
import { archTokens } from '../knowledge/architecture-names.ts';
import { armPlatforms, spanRange } from './code-finding.ts';
import type { Rule } from './rule.ts';

const name = 'rootfs-tarball';

const trigger = /scratch/;

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
    if (platforms.length === 0 || !trigger.test(dockerfile.text)) return [];
    return readCode(dockerfile, context)
      .wordsAbout(noScript)
      .filter(isRootfs)
      .map((word) => {
        const { text } = word.mapped;
        const [token] = archTokens(text);
        return {
          rule: name,
          severity: token ? ('error' as const) : ('warning' as const),
          platforms,
          message: `${text} is the whole image, ${token ? 'and is named for x86' : 'for whichever architecture it was made'}`,
          hint: 'put ${TARGETARCH} into the name of the archive and provide one for each platform',
          range: spanRange(word, token ?? { start: 0, end: text.length }),
          fix: 'none' as const,
          edits: [],
        };
      });
  },
};

/** An archive of the context that a stage from scratch unpacks into its root. */
export function isRootfs({ role, instruction, stage, mapped }: CodeWord): boolean {
  if (role !== 'source' || instruction.keyword !== 'ADD' || stage?.base.raw !== 'scratch') return false;
  if (mapped.switched || mapped.text.includes('://')) return false;
  if (archTokens(mapped.text).length === 0 && namesArchitecture(mapped.text)) return false;
  return instruction.words.at(-1)?.raw === '/' && /\.tar(?:\.\w+)?$|\.t[gbx]z2?$/.test(mapped.text);
}
