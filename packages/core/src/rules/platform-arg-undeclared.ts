import { formatPlatformList, type Platform, parseReference } from '@mabuild/oci';
import { isLeftOut, readCode } from '../analysis/code-words.ts';
import type { Script } from '../analysis/scripts.ts';
import { resolveBase } from '../dockerfile/base.ts';
import { lineAbove } from '../dockerfile/line-above.ts';
import type { Dockerfile, Instruction, Stage, TextEdit } from '../dockerfile/model.ts';
import { argDefinitions, scopeAt } from '../dockerfile/scope.ts';
import { officialRepository, readNamespace } from '../knowledge/namespaces.ts';
import { armPlatforms } from './code-finding.ts';
import { automaticArgs, automaticValues, namesAutomaticArgs } from './platform-arg.ts';
import { type AutomaticUse, automaticUses, mentionsAutomaticArgs } from './platform-arg-uses.ts';
import type { Finding, Rule, RuleContext } from './rule.ts';

const name = 'platform-arg-undeclared';

export const platformArgUndeclared: Rule = {
  name,
  summary: 'TARGETARCH or its kin is read in a stage that does not declare it, and is empty.',
  page: {
    why: 'BuildKit gives TARGETARCH, TARGETPLATFORM and the others only to stages that declare them with ARG. In any other stage they are empty, unless the base image has an ENV of that name (then this is a warning): a test is always false, a download gets a name without its architecture, and often nothing fails.',
    bad: 'FROM alpine\nRUN wget -O /bin/tool "https://example.org/tool-$TARGETARCH"',
    good: 'FROM alpine\nARG TARGETARCH\nRUN wget -O /bin/tool "https://example.org/tool-$TARGETARCH"',
    silent: [
      'The ARG is declared above in the stage, or in a stage of the file that this one is FROM.',
      'The word stands on a FROM line, or in the default of an ARG above the first FROM.',
      'The shell sets the variable itself, or reads ${TARGETARCH:-$(dpkg --print-architecture)}.',
    ],
  },
  async check(dockerfile, context) {
    const platforms = armPlatforms(context);
    if (platforms.length === 0 || !namesAutomaticArgs(dockerfile.text)) return [];
    const scripts = new Map(
      readCode(dockerfile, context).scripts.map((script) => [script.instruction, script]),
    );
    return dockerfile.stages.flatMap((stage) =>
      isLeftOut(stage) ? [] : stageFindings(dockerfile, context, stage, scripts, platforms),
    );
  },
};

function stageFindings(
  dockerfile: Dockerfile,
  context: RuleContext,
  stage: Stage,
  scripts: ReadonlyMap<Instruction, Script>,
  platforms: readonly Platform[],
): readonly Finding[] {
  if (!stage.instructions.some((instruction) => mentionsAutomaticArgs(instruction))) return [];
  const findings: Finding[] = [];
  const told = new Set<string>();
  const names = inheritedNames(dockerfile, context, stage, platforms[0] as Platform);
  // ONBUILD runs in another build: of this stage only ENV is there.
  const onbuildNames = new Set<string>();
  for (const instruction of stage.instructions) {
    const own = instruction.onbuild ?? instruction;
    const isOnbuild = own !== instruction;
    const known = isOnbuild ? onbuildNames : names;
    const uses = mentionsAutomaticArgs(instruction) ? automaticUses(dockerfile, own, scripts.get(own)) : [];
    const declared = declaredBy(own);
    for (const use of uses) {
      const before = declared.some(({ name: other, at }) => other === use.name && at < use.range.start);
      const key = `${isOnbuild} ${use.name}`;
      if (known.has(use.name) || (before && own.keyword === 'ARG') || told.has(key)) continue;
      told.add(key);
      const certain = isDeclaredElsewhere(dockerfile, use.name) || !mayBaseSet(dockerfile, context, stage);
      findings.push(finding(dockerfile, instruction, use, platforms, certain));
    }
    for (const { name: other } of declared) {
      known.add(other);
      if (own.keyword === 'ENV') onbuildNames.add(other);
    }
  }
  return findings;
}

function finding(
  dockerfile: Dockerfile,
  instruction: Instruction,
  use: AutomaticUse,
  platforms: readonly Platform[],
  certain: boolean,
): Finding {
  const line = `${instruction.onbuild ? 'ONBUILD ' : ''}ARG ${use.name}`;
  const edits: readonly TextEdit[] = [lineAbove(dockerfile, instruction, line)];
  return {
    rule: name,
    severity: certain ? 'error' : 'warning',
    platforms,
    message: `${use.name} is empty for ${formatPlatformList(platforms)}${certain ? '' : ', unless the base image sets it'}: nothing above declares it in this stage`,
    hint: `add ${line} before it; an ARG above the first FROM, or in another stage, is not enough`,
    range: use.range,
    fix: 'auto',
    edits,
  };
}

/** Who declares it in another place of the file takes it for a variable of the whole file. */
function isDeclaredElsewhere(dockerfile: Dockerfile, used: string): boolean {
  return dockerfile.instructions.some(
    (instruction) =>
      instruction.keyword === 'ARG' && argDefinitions(instruction).some((item) => item.name === used),
  );
}

/** Official images set none of these; what another image sets with ENV is not known here. */
function mayBaseSet(dockerfile: Dockerfile, context: RuleContext, stage: Stage): boolean {
  try {
    const base = resolveBase(dockerfile, stage, context);
    if (base.kind === 'stage') return mayBaseSet(dockerfile, context, base.stage);
    if (base.kind === 'scratch') return false;
    const reference = parseReference(base.name);
    return officialRepository(readNamespace(reference)?.plain ?? reference) === undefined;
  } catch {
    return true;
  }
}

/** The automatic names that a stage gets from the one that it is FROM. */
function inheritedNames(
  dockerfile: Dockerfile,
  context: RuleContext,
  stage: Stage,
  platform: Platform,
): Set<string> {
  const options = { buildArgs: context.buildArgs, platformArgs: automaticValues(platform) };
  try {
    return new Set(scopeAt(dockerfile, stage, stage.instructions[0], options).keys());
  } catch {
    return new Set(automaticArgs);
  }
}

function declaredBy(instruction: Instruction): readonly { readonly name: string; readonly at: number }[] {
  if (instruction.keyword === 'ARG') {
    return argDefinitions(instruction).map((definition, index) => ({
      name: definition.name,
      at: instruction.words[index]?.range.start ?? 0,
    }));
  }
  if (instruction.keyword !== 'ENV') return [];
  return instruction.words
    .filter((_, index) => index % 2 === 0)
    .map((word) => ({ name: word.raw, at: word.range.start }));
}
