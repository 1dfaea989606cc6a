import { isLeftOut } from '../analysis/code-words.ts';
import { resolveBase } from '../dockerfile/base.ts';
import type { Dockerfile, Instruction, Stage } from '../dockerfile/model.ts';
import { armPlatforms } from './code-finding.ts';
import type { Finding, Rule } from './rule.ts';

const name = 'native-build-stage';

const builders = /(?:^|\/)(golang|maven|gradle|node|rust)(?=[:@]|$)/;

export const nativeBuildStage: Rule = {
  name,
  summary: 'A build stage could run on the build host instead of under emulation.',
  page: {
    why: 'What a stage makes may not depend on where it runs: a jar, static files, or a Go program compiled for $TARGETARCH. With FROM --platform=$BUILDPLATFORM such a stage runs natively, many times faster than under emulation. A stage that compiles for its own machine, or installs packages for the image, must not. This rule is not among the recommended ones: check --rule native-build-stage=info follows it.',
    bad: 'FROM maven:3 AS build\nRUN mvn package\nFROM eclipse-temurin:21\nCOPY --from=build /target/app.jar /',
    good: 'FROM --platform=$BUILDPLATFORM maven:3 AS build\nRUN mvn package\nFROM eclipse-temurin:21\nCOPY --from=build /target/app.jar /',
    silent: ['The stage has a --platform, or is the last one.', 'Nothing is copied from it.'],
  },
  async check(dockerfile, context) {
    const platforms = armPlatforms(context);
    if (platforms.length === 0) return [];
    return dockerfile.stages.flatMap((stage): readonly Finding[] => {
      if (stage.platform || stage.name === undefined || isLeftOut(stage)) return [];
      const tool = builderOf(dockerfile, stage, context.buildArgs);
      const copies = copiesFrom(dockerfile, stage);
      if (tool === undefined || copies.length === 0 || isBase(dockerfile, stage)) return [];
      const hint = whatIsMissing(tool, stage, copies);
      const at = stage.base.range.start;
      return [
        {
          rule: name,
          severity: 'info',
          platforms,
          message: `the stage ${stage.name} could run on the build host`,
          hint:
            hint ?? 'write FROM --platform=$BUILDPLATFORM when nothing that it makes is for its own machine',
          range: stage.base.range,
          fix: hint === undefined ? 'suggest' : 'none',
          edits: hint === undefined ? [{ start: at, end: at, newText: '--platform=$BUILDPLATFORM ' }] : [],
        },
      ];
    });
  },
};

function builderOf(
  dockerfile: Dockerfile,
  stage: Stage,
  buildArgs: Readonly<Record<string, string>>,
): string | undefined {
  try {
    const base = resolveBase(dockerfile, stage, { buildArgs });
    return base.kind === 'image' ? builders.exec(base.name)?.[1] : undefined;
  } catch {
    return undefined;
  }
}

/** The instructions that take files from a stage. */
function copiesFrom(dockerfile: Dockerfile, stage: Stage): readonly Instruction[] {
  const names = new Set([stage.name, String(stage.index)]);
  return dockerfile.stages
    .slice(stage.index + 1)
    .flatMap((other) =>
      other.instructions.filter(
        ({ keyword, flags }) =>
          keyword === 'COPY' &&
          flags.some((flag) => flag.name === 'from' && names.has(flag.value?.toLowerCase())),
      ),
    );
}

/** Another stage goes on from it. */
function isBase({ stages }: Dockerfile, stage: Stage): boolean {
  return stages.some((other) => other.index > stage.index && other.base.raw === stage.name);
}

/** What has to be done before; `undefined` when nothing is known to be. */
function whatIsMissing(tool: string, stage: Stage, copies: readonly Instruction[]): string | undefined {
  const text = stage.instructions.map(({ logical }) => logical.text).join('\n');
  switch (tool) {
    case 'golang':
      return /CGO_ENABLED[= ]["']?0/.test(text) && /GOARCH[= ]["']?\$\{?TARGETARCH/.test(text)
        ? undefined
        : 'compile with CGO_ENABLED=0 GOARCH=$TARGETARCH, then write FROM --platform=$BUILDPLATFORM';
    case 'node':
      return copies.every(({ words }) =>
        words.slice(0, -1).every(({ raw }) => /(?:dist|build|public|out|html|static)\/?["']?$/.test(raw)),
      )
        ? undefined
        : 'copy only what is the same everywhere (no node_modules), then write FROM --platform=$BUILDPLATFORM';
    case 'rust':
      return 'compile for the target with cargo build --target and a linker for it, then write FROM --platform=$BUILDPLATFORM';
    default:
      return undefined;
  }
}
