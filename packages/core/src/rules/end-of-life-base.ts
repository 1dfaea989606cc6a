import { readCode } from '../analysis/code-words.ts';
import { lineAbove } from '../dockerfile/line-above.ts';
import type { Dockerfile, Instruction, Stage } from '../dockerfile/model.ts';
import { findBaseStage } from '../dockerfile/stage-name.ts';
import { type EndedRelease, endedRelease } from '../knowledge/end-of-life.ts';
import { armPlatforms } from './code-finding.ts';
import { imageSites } from './image-sites.ts';
import type { Finding, Rule } from './rule.ts';

const name = 'end-of-life-base';
const managers: Readonly<Record<EndedRelease['manager'], ReadonlySet<string>>> = {
  apt: new Set(['apt-get', 'apt', 'aptitude']),
  yum: new Set(['yum', 'dnf', 'microdnf']),
};
/** Of a script that runs one of them. */
const namesManager = /apt|yum|dnf/;
const repaired =
  /archive\.debian\.org|old-releases\.ubuntu\.com|vault\.centos\.org|snapshot\.debian\.org|sources\.list|\.repo\b|yum\.repos\.d/;

export const endOfLifeBase: Rule = {
  name,
  summary: "The base's release has ended, and its packages have moved to an archive.",
  page: {
    why: 'The image of an ended release looks for packages where they no longer are, so that apt-get and yum fail. CentOS keeps those for ARM in another folder of its archive than those for x86.',
    bad: 'FROM centos:7\nRUN yum install -y gcc',
    good: 'FROM almalinux:9\nRUN dnf install -y gcc',
    silent: [
      'No RUN of the stage uses the package manager.',
      'The stage changes where packages come from (archive.debian.org, vault.centos.org, sources.list, a .repo file).',
    ],
  },
  async check(dockerfile, context) {
    const platforms = armPlatforms(context);
    if (platforms.length === 0) return [];
    const bases = new Map<Stage, EndedRelease | undefined>();
    for (const { use } of imageSites(dockerfile, context))
      if (use.kind === 'from') bases.set(use.stage, endedRelease(use.reference));
    return dockerfile.stages.flatMap((stage): readonly Finding[] => {
      const below = findBaseStage(dockerfile, stage, stage.base.raw.toLowerCase());
      const release = below ? bases.get(below) : bases.get(stage);
      bases.set(stage, release);
      if (!release) return [];
      if (isRepaired(dockerfile, stage)) return [];
      const first = firstInstall(dockerfile, stage, release, context.buildArgs);
      if (!first) return [];
      return [
        {
          rule: name,
          // What fails on x86 just the same is no matter of the platform.
          severity: 'warning',
          platforms,
          message: `${release.name} ended on ${release.ended}; its packages are on ${release.archive} now`,
          hint: 'take a newer release, or make the image look there',
          range: stage.base.range,
          fix: 'suggest',
          edits: [lineAbove(dockerfile, first, `RUN ${release.repair}`)],
        },
      ];
    });
  },
};

/** The stage or one below it says where packages are. */
function isRepaired(dockerfile: Dockerfile, stage: Stage): boolean {
  const below = dockerfile.stages.filter(
    (other) => other.index < stage.index && other.name === stage.base.raw.toLowerCase(),
  );
  return [stage, ...below].some(({ instructions }) =>
    instructions.some(({ keyword, logical }) => keyword !== 'LABEL' && repaired.test(logical.text)),
  );
}

function firstInstall(
  dockerfile: Dockerfile,
  stage: Stage,
  release: EndedRelease,
  buildArgs: Readonly<Record<string, string>>,
): Instruction | undefined {
  const uses = managers[release.manager];
  return readCode(dockerfile, { buildArgs }).scripts.find(
    (script) =>
      script.stage === stage &&
      script.when === 'build' &&
      stage.instructions.includes(script.instruction) &&
      namesManager.test(script.logical.text) &&
      script.shell.commands.some((command) => uses.has(command.name ?? '')),
  )?.instruction;
}
