import type { Instruction } from '../dockerfile/model.ts';
import { dropInstruction } from '../fixes/drop-instruction.ts';
import { armPlatforms } from './code-finding.ts';
import type { Rule } from './rule.ts';
import { stageImage } from './stage-image.ts';

const name = 'balena-cross-build-marker';

export const balenaCrossBuildMarker: Rule = {
  name,
  summary: 'cross-build-start and cross-build-end stand without the image that has them.',
  page: {
    why: 'cross-build-start and cross-build-end are programs of balenalib/ and resin/ images, which switch an emulator on and off. Another image does not have them and the build stops; BuildKit and mabuild emulate without them.',
    bad: 'FROM debian:12\nRUN [ "cross-build-start" ]\nRUN apt-get update',
    good: 'FROM debian:12\nRUN apt-get update',
    silent: ['The stage stands on a balenalib/ or resin/ image.'],
  },
  async check(dockerfile, context) {
    if (!dockerfile.text.includes('cross-build-')) return [];
    const platforms = armPlatforms(context);
    if (platforms.length === 0) return [];
    return dockerfile.stages.flatMap((stage) => {
      const marks = stage.instructions.filter(isMark);
      if (marks.length === 0) return [];
      const base = stageImage(dockerfile, stage, context);
      if (!base || /^(?:balenalib|resin|balena)\//.test(base.repository)) return [];
      return marks.map((mark) => ({
        rule: name,
        severity: 'info' as const,
        platforms,
        message: 'the base image has no cross-build-start and cross-build-end',
        hint: 'leave the line out: the builder emulates by itself',
        range: mark.range,
        fix: 'auto' as const,
        edits: [dropInstruction(dockerfile, mark)],
      }));
    });
  },
};

function isMark({ keyword, args }: Instruction): boolean {
  return keyword === 'RUN' && args.length === 1 && /^cross-build-(?:start|end)$/.test(args[0]?.trim() ?? '');
}
