import { isLeftOut, readCode } from '../analysis/code-words.ts';
import type { Range } from '../dockerfile/model.ts';
import { armPlatforms } from './code-finding.ts';
import { namesAutomaticArgs } from './platform-arg.ts';
import { automaticUses, mentionsAutomaticArgs } from './platform-arg-uses.ts';
import type { Finding, Rule } from './rule.ts';

const name = 'platform-args-on-classic-builder';

export const platformArgsOnClassicBuilder: Rule = {
  name,
  summary: 'The classic builder (DOCKER_BUILDKIT=0) gives TARGETARCH and its kin no value.',
  page: {
    why: 'Only BuildKit sets TARGETARCH, TARGETPLATFORM, BUILDPLATFORM and the others. The classic builder leaves them empty: FROM --platform=$BUILDPLATFORM stops, a case on TARGETARCH takes its last branch. This rule is for who must build there; check --rule platform-args-on-classic-builder=warning follows it.',
    bad: 'FROM debian:12\nARG TARGETARCH\nRUN case "$TARGETARCH" in amd64) a=x64 ;; arm64) a=arm64 ;; *) exit 1 ;; esac && echo "$a"',
    good: 'FROM debian:12\nARG TARGETARCH\nRUN case "${TARGETARCH:-$(dpkg --print-architecture)}" in amd64) a=x64 ;; arm64) a=arm64 ;; armhf|arm) a=armv7l ;; *) exit 1 ;; esac && echo "$a"',
    silent: ['A value is given with --build-arg.', 'The script has a fallback that asks the system.'],
  },
  async check(dockerfile, context) {
    const platforms = armPlatforms(context);
    if (platforms.length === 0 || !namesAutomaticArgs(dockerfile.text)) return [];
    const { scripts } = readCode(dockerfile, context);
    const isGiven = (arg: string): boolean => Object.hasOwn(context.buildArgs, arg);
    return dockerfile.stages.flatMap((stage): readonly Finding[] => {
      if (isLeftOut(stage)) return [];
      const flag = /\b((?:TARGET|BUILD)(?:PLATFORM|OS|ARCH))\b(?!\}?:?[-+])/.exec(
        stage.platform?.value ?? '',
      )?.[1];
      const inFrom: readonly Use[] =
        flag && stage.platform && !isGiven(flag) ? [{ name: flag, range: stage.platform.range }] : [];
      const inStage = stage.instructions.flatMap((instruction): readonly Use[] => {
        const own = instruction.onbuild ?? instruction;
        if (!mentionsAutomaticArgs(own) || own.keyword === 'ARG') return [];
        const script = scripts.find((item) => item.instruction === own);
        return automaticUses(dockerfile, own, script).filter((use) => !isGiven(use.name));
      });
      const [first] = [...inFrom, ...inStage];
      if (!first) return [];
      return [
        {
          rule: name,
          severity: 'warning',
          platforms,
          message: `the classic builder gives ${first.name} no value`,
          hint: `give it with --build-arg ${first.name}=…, or ask the system: dpkg --print-architecture says armhf where TARGETARCH says arm`,
          range: first.range,
          fix: 'none',
          edits: [],
        },
      ];
    });
  },
};

interface Use {
  readonly name: string;
  readonly range: Range;
}
