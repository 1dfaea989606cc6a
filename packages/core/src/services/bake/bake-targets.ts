import type { Range } from '../../dockerfile/model.ts';
import { evaluate, isRecord, type Value } from './bake-value.ts';
import type { HclBlock } from './hcl.ts';

/** An attribute of a target. */
export interface Field {
  readonly value: Value;
  readonly range: Range;
}

/** A target; one for each combination of its matrix. */
export interface Target {
  readonly name: string;
  readonly range: Range;
  readonly fields: ReadonlyMap<string, Field>;
}

/** Combinations of a matrix that are looked at. */
const mostCombinations = 64;

/** The fields of what a target inherits, the last name first, under its own. */
export function withInherited(
  target: Target,
  targets: ReadonlyMap<string, Target>,
  above: ReadonlySet<string>,
): ReadonlyMap<string, Field> {
  if (above.has(target.name)) return new Map();
  const names = target.fields.get('inherits')?.value;
  const merged = new Map<string, Field>();
  const add = (fields: ReadonlyMap<string, Field>): void => {
    for (const [name, field] of fields) {
      const known = merged.get(name)?.value;
      const value =
        name === 'args' && isRecord(known) && isRecord(field.value)
          ? { ...known, ...field.value }
          : field.value;
      merged.set(name, { ...field, value });
    }
  };
  for (const name of Array.isArray(names) ? names : []) {
    const parent = targets.get(name);
    if (parent) add(withInherited(parent, targets, new Set([...above, target.name])));
  }
  add(target.fields);
  return merged;
}

/** The targets of a file with its variables filled in; `environment` counts before a variable's default. */
export function readTargets(
  root: HclBlock,
  environment: Readonly<Record<string, string>>,
): readonly Target[] {
  const variables: Record<string, string> = {};
  for (const block of root.blocks.filter(({ type }) => type === 'variable')) {
    const [name] = block.labels;
    const initial = block.attributes.get('default');
    const value = initial && evaluate(initial, variables);
    if (name === undefined) continue;
    if (environment[name] !== undefined) variables[name] = environment[name];
    else if (typeof value === 'string') variables[name] = value;
  }
  for (const [name, attribute] of root.attributes) {
    const value = evaluate(attribute, variables);
    if (typeof value === 'string') variables[name] = value;
  }
  return root.blocks
    .filter(({ type }) => type === 'target')
    .flatMap((block) =>
      combinations(block, variables).map((known): Target => {
        const own = block.attributes.get('name');
        const name = own && evaluate(own, known);
        const fields = [...block.attributes].map(
          ([key, value]) => [key, { value: evaluate(value, known), range: value.range }] as const,
        );
        return {
          name: typeof name === 'string' ? name : (block.labels[0] ?? ''),
          range: block.range,
          fields: new Map(fields),
        };
      }),
    );
}

/** The variables of each combination of a target's matrix; those of the file alone without one. */
function combinations(
  block: HclBlock,
  variables: Readonly<Record<string, string>>,
): readonly Readonly<Record<string, string>>[] {
  const matrix = block.attributes.get('matrix');
  if (matrix?.kind !== 'object') return [variables];
  let all: readonly Readonly<Record<string, string>>[] = [variables];
  for (const [name, list] of matrix.fields) {
    const values = evaluate(list, variables);
    if (!Array.isArray(values) || values.length === 0) continue;
    all = all.flatMap((known) => values.map((value) => ({ ...known, [name]: value })));
    if (all.length > mostCombinations) return all.slice(0, mostCombinations);
  }
  return all;
}
