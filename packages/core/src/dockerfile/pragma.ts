import type { Dockerfile, Range } from './model.ts';

const pragma = /^\s*mabuild\s+ignore=([\w-]+(?:,[\w-]+)*)(?:\s+because\b.*)?\s*$/;

/** The rules that comments above an instruction switch off there: `# mabuild ignore=rule-id because …`. */
export function ignoredRules(dockerfile: Dockerfile, range: Range): ReadonlySet<string> {
  const instruction = dockerfile.instructions.find(
    (item) => item.range.start <= range.start && range.start <= item.range.end,
  );
  const names = (instruction?.comments ?? []).flatMap((line) => pragma.exec(line)?.[1]?.split(',') ?? []);
  return new Set(names);
}
