import type { Dockerfile, Instruction, Stage, TextEdit } from '../dockerfile/model.ts';
import { findBaseStage } from '../dockerfile/stage-name.ts';
import { dropInstruction } from '../fixes/drop-instruction.ts';
import { armPlatforms } from './code-finding.ts';
import type { Finding, Rule } from './rule.ts';

const name = 'qemu-static-copied';
const emulator = /(?:^|\/)qemu-(?:\*|[^/\s]*-static\*?)(?:\.tar(?:\.[gx]z)?)?$/;
const binFolder = /^"?(?:\/?(?:usr\/(?:local\/)?)?s?bin(?:\/|$)|\/(?:qemu-[^/]*)?$|\.\/?$)/;
/** What is done to the file alone. */
const housekeeping =
  /^RUN\s+(?:rm\s+(?:-[a-z]+\s+)*|chmod\s+(?:-[a-zA-Z]+\s+)*[\w+,=]+\s+)(?:\S*\/)?qemu-\S+$/;

export const qemuStaticCopied: Rule = {
  name,
  summary: 'An emulator, qemu-arm-static, is copied into the image.',
  page: {
    why: 'Builds for ARM on an x64 host used to need the emulator inside the image. BuildKit mounts its own, mabuild lends the classic builder one, and a binfmt registration with the F flag needs none: the file only makes the image larger, and on ARM the build fails when it is not in the context.',
    bad: 'COPY qemu-arm-static /usr/bin/\nRUN apt-get update',
    good: 'RUN apt-get update',
    silent: [
      'The stage is FROM scratch, registers emulators (binfmt), or puts the file elsewhere than among the programs: then it is the purpose.',
    ],
  },
  async check(dockerfile, context) {
    if (!dockerfile.text.includes('qemu-')) return [];
    const platforms = armPlatforms(context);
    if (platforms.length === 0) return [];
    return dockerfile.stages.flatMap((stage): readonly Finding[] => {
      const copies = stage.instructions.filter(isCopy);
      if (copies.length === 0 || isMeant(stage)) return [];
      const marks = stage.instructions.flatMap((instruction) =>
        copies.includes(instruction) ? [] : markEdits(dockerfile, instruction),
      );
      const stuck = marks.includes(undefined) || isMentionedAbove(dockerfile, stage);
      return copies.map((copy, index) => ({
        rule: name,
        severity: 'info',
        platforms,
        message: 'the image gets an emulator, which no builder needs any more',
        hint: stuck
          ? 'take the line out, and what else names the file'
          : 'leave it out: BuildKit and mabuild bring their own',
        range: copy.range,
        fix: stuck ? 'none' : 'auto',
        edits: stuck
          ? []
          : [dropInstruction(dockerfile, copy), ...(index === 0 ? (marks as readonly TextEdit[]) : [])],
      }));
    });
  },
};

/** COPY or ADD of emulators and nothing else, to where programs are. */
function isCopy({ keyword, args }: Instruction): boolean {
  if ((keyword !== 'COPY' && keyword !== 'ADD') || args.length < 2) return false;
  return args.slice(0, -1).every((source) => emulator.test(source)) && binFolder.test(args.at(-1) ?? '');
}

/** An image for emulating others. */
function isMeant({ base, instructions }: Stage): boolean {
  return (
    base.raw === 'scratch' ||
    /binfmt|qemu/.test(base.raw) ||
    instructions.some(({ keyword, logical }) => keyword !== 'LABEL' && logical.text.includes('binfmt'))
  );
}

/** What is to be done where else the emulator is named; `undefined` where that is not known. */
function markEdits(dockerfile: Dockerfile, instruction: Instruction): readonly (TextEdit | undefined)[] {
  const { text } = instruction.logical;
  if (!/qemu-[^\s"']*-static/.test(text.replaceAll('qemu-user-static', ''))) return [];
  if (instruction.json) {
    const [program, next] = instruction.words;
    const [first = '', second = '-'] = instruction.args;
    const rest = instruction.args.slice(1).join(' ');
    if (!program || !next || !emulator.test(first) || second.startsWith('-') || /qemu-/.test(rest))
      return [undefined];
    return [{ start: program.range.start, end: next.range.start, newText: '' }];
  }
  return housekeeping.test(text) ? [dropInstruction(dockerfile, instruction)] : [undefined];
}

/** Tells whether a stage that stands on this one names the emulator. */
function isMentionedAbove(dockerfile: Dockerfile, stage: Stage): boolean {
  return dockerfile.stages.some(
    (other) =>
      other.index > stage.index &&
      findBaseStage(dockerfile, other, other.base.raw.toLowerCase()) === stage &&
      other.instructions.some(({ logical }) => /qemu-[^\s"']*-static/.test(logical.text)),
  );
}
