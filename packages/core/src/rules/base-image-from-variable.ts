import { isMabuildError } from '@mabuild/oci';
import type { Dockerfile, Stage } from '../dockerfile/model.ts';
import { expandIn, globalScope } from '../dockerfile/scope.ts';
import { automaticArgs, automaticValues } from './platform-arg.ts';
import type { Rule, RuleContext } from './rule.ts';

const name = 'base-image-from-variable';

export const baseImageFromVariable: Rule = {
  name,
  summary: 'The base image needs a build argument to be known.',
  page: {
    why: 'A FROM whose ARG has no default is a different image for everyone who builds. Only with the argument can anyone say whether ARM has it.',
    bad: 'ARG BASE\nFROM ${BASE}',
    good: 'ARG BASE=debian:12\nFROM ${BASE}',
    silent: ['The ARG has a default, or --build-arg gives a value: then the image is judged like any other.'],
  },
  async check(dockerfile, context) {
    return dockerfile.stages.flatMap((stage) => {
      const missing = stage.base.raw.includes('$') ? missingArgs(dockerfile, stage, context) : [];
      if (missing.length === 0) return [];
      return [
        {
          rule: name,
          severity: 'info' as const,
          platforms: context.platforms,
          message: `the base image is not known without ${missing.join(', ')}`,
          hint: `give ${missing.map((arg) => `--build-arg ${arg}=…`).join(' ')}, or the ARG a default`,
          range: stage.base.range,
          fix: 'none' as const,
          edits: [],
        },
      ];
    });
  },
};

/** The variables of a FROM that nothing gives a value. */
function missingArgs(dockerfile: Dockerfile, stage: Stage, context: RuleContext): readonly string[] {
  const [platform] = context.platforms;
  if (!platform) return [];
  try {
    const scope = globalScope(dockerfile, {
      buildArgs: context.buildArgs,
      platformArgs: automaticValues(platform),
    });
    const { unmatched } = expandIn(dockerfile, stage.base, scope).expansion;
    return [...new Set(unmatched)].filter((arg) => !automaticArgs.has(arg) && !hasDefault(stage, arg));
  } catch (error) {
    if (isMabuildError(error)) return [];
    throw error;
  }
}

/** `${NAME:-debian}` */
function hasDefault({ base }: Stage, arg: string): boolean {
  return [':-', '-', ':+', '+'].some((operator) => base.raw.includes(`\${${arg}${operator}`));
}
