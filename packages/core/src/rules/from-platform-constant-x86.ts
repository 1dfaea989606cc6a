import type { Platform } from '@mabuild/oci';
import { isLeftOut } from '../analysis/code-words.ts';
import { resolveBase } from '../dockerfile/base.ts';
import type { Dockerfile, Stage } from '../dockerfile/model.ts';
import { serves } from '../knowledge/serves.ts';
import { isX86 } from '../knowledge/x86-platform.ts';
import { imageSites } from './image-sites.ts';
import { automaticValues } from './platform-arg.ts';
import type { Finding, Rule, RuleContext } from './rule.ts';

const name = 'from-platform-constant-x86';

export const fromPlatformConstantX86: Rule = {
  name,
  summary: 'FROM --platform is fixed to x86, or to another ARM than is built.',
  page: {
    why: 'FROM --platform=linux/amd64 gives the x86 image for every platform that is built. If the stage is the last one, or programs of it are copied into the last one, the ARM image holds x86 programs.',
    bad: 'FROM --platform=linux/amd64 debian:bookworm',
    good: 'FROM debian:bookworm',
    silent: [
      'When the flag is $BUILDPLATFORM or another variable.',
      'When only x86 platforms are asked for.',
    ],
  },
  async check(dockerfile, context) {
    return imageSites(dockerfile, context).flatMap(({ use, platforms }): readonly Finding[] => {
      const { flag } = use;
      if (use.kind !== 'from' || !flag?.value || flag.value.includes('$')) return [];
      const isOther = isX86(use.platform)
        ? (platform: Platform) => !isX86(platform)
        : (platform: Platform) => !serves(use.platform, platform);
      const others = platforms.filter(isOther);
      if (others.length === 0) return [];
      if (flag.valueRange && crossBuilds(dockerfile, use.stage, context)) {
        return [
          {
            rule: name,
            severity: 'warning',
            platforms: others,
            message: `the stage builds for other platforms, and is ${flag.value} on every host`,
            hint: 'write --platform=$BUILDPLATFORM, which is the host that builds',
            range: flag.range,
            fix: 'auto',
            edits: [{ ...flag.valueRange, newText: '$BUILDPLATFORM' }],
          },
        ];
      }
      const chosen = isChosen(dockerfile, use.stage);
      return [
        {
          rule: name,
          severity: chosen ? 'warning' : 'error',
          platforms: others,
          message: `the stage is ${flag.value}, whatever platform is built`,
          hint: chosen
            ? 'right for files that suit every platform; programs must come from the image of the target'
            : 'leave the flag out; write --platform=$BUILDPLATFORM for a stage whose output suits every platform',
          range: flag.range,
          fix: chosen ? 'suggest' : 'auto',
          edits: [{ start: flag.range.start, end: use.stage.base.range.start, newText: '' }],
        },
      ];
    });
  },
};

/** A file that knows of platforms and only names an image to copy from, such as web pages, chose its platform. */
function isChosen(dockerfile: Dockerfile, stage: Stage): boolean {
  return (
    stage.instructions.length === 0 &&
    stage !== dockerfile.stages.at(-1) &&
    dockerfile.instructions.some(({ logical }) =>
      /\$\{?(?:TARGET|BUILD)(?:PLATFORM|ARCH)\b/.test(logical.text),
    )
  );
}

/** Tells whether a stage, or one that is FROM it, makes programs for the target; the last stage is for the target itself. */
function crossBuilds(dockerfile: Dockerfile, stage: Stage, context: RuleContext): boolean {
  const family = new Set([stage]);
  for (const other of dockerfile.stages) {
    const base = resolveBase(dockerfile, other, {
      buildArgs: context.buildArgs,
      platformArgs: automaticValues(context.platforms[0] as Platform),
    });
    if (base.kind === 'stage' && family.has(base.stage)) family.add(other);
  }
  const last = dockerfile.stages.at(-1);
  if (last === undefined || family.has(last)) return false;
  return [...family].some(
    (item) =>
      (item !== stage && isLeftOut(item)) ||
      item.instructions.some(({ logical }) => /\bTARGET(?:ARCH|PLATFORM)\b/.test(logical.text)),
  );
}
