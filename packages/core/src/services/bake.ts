import { formatPlatformList, MabuildError } from '@mabuild/oci';
import { locate } from '../dockerfile/location.ts';
import type { Range } from '../dockerfile/model.ts';
import { readJsonText } from '../json-text.ts';
import { armOnly } from '../knowledge/x86-platform.ts';
import type { Finding } from '../rules/rule.ts';
import type { ReadServicesOptions } from './compose.ts';
import { type HclBlock, type HclValue, readHcl } from './hcl.ts';
import { leftOut } from './listed-platforms.ts';
import { readYaml } from './read-yaml.ts';
import { type ServiceBuild, type ServiceReading, withoutIgnored } from './service.ts';
import type { YamlNode } from './yaml-document.ts';

/** `docker-bake.hcl`, `docker-bake.override.json` and their kin. */
export function isBakeFile(name: string): boolean {
  return /^(?:.*[._-])?bake(?:[._-].*)?\.(?:hcl|json)$/i.test(name);
}

/** A value with its variables filled in; `undefined` for what is not evaluated. */
type Value = string | readonly string[] | Readonly<Record<string, string>> | null | undefined;

interface Field {
  readonly value: Value;
  readonly range: Range;
}

interface Target {
  readonly name: string;
  readonly range: Range;
  readonly fields: ReadonlyMap<string, Field>;
}

/** Combinations of a matrix that are looked at. */
const mostCombinations = 64;

/**
 * Reads the targets of a bake file: what is built, and for which platforms.
 *
 * Buildx, "Bake file reference": `target` with `context`, `dockerfile`, `dockerfile-inline`, `args`, `target`,
 * `platforms`, `inherits` and `matrix` of strings, `variable` with its default. Functions and conditions are not
 * evaluated; a target that needs them for its platforms or its Dockerfile has the finding `bake-not-evaluated`.
 * @throws MabuildError `SERVICES_SYNTAX` with its place
 */
export async function readBake(text: string, options: ReadServicesOptions): Promise<ServiceReading> {
  const json = /\.json$/i.test(options.file ?? '') || text.trimStart().startsWith('{');
  const root = json ? await readJson(text, options.file) : readHcl(text, options.file);
  const targets = readTargets(root, options.variables ?? {});
  const byName = new Map(targets.map((target) => [target.name, target]));
  const platforms = armOnly(options.platforms);
  const findings: Finding[] = [];
  const builds: ServiceBuild[] = [];
  for (const target of targets) {
    const fields = withInherited(target, byName, new Set());
    builds.push(...readBuild(target, fields));
    findings.push(...targetFindings(target, fields, platforms));
  }
  const places = new Map(findings.map((item) => [`${item.rule} ${item.range.start} ${item.message}`, item]));
  const sorted = [...places.values()].sort((a, b) => a.range.start - b.range.start);
  return { builds, findings: withoutIgnored(text, sorted) };
}

function targetFindings(
  target: Target,
  fields: ReadonlyMap<string, Field>,
  platforms: ReadServicesOptions['platforms'],
): readonly Finding[] {
  if (platforms.length === 0) return [];
  const common = { severity: 'info', fix: 'none', edits: [] } as const;
  const unread = ['platforms', 'context', 'dockerfile', 'inherits'].flatMap((name): readonly Finding[] => {
    const field = target.fields.get(name);
    if (!field || field.value !== undefined) return [];
    return [
      {
        ...common,
        rule: 'bake-not-evaluated',
        platforms,
        message: `${name} of target ${target.name} is an expression that is not evaluated here`,
        hint: 'docker buildx bake --print shows its value; check the Dockerfile by its name',
        range: field.range,
      },
    ];
  });
  // What is inherited is told where it is written.
  const listed = target.fields.has('platforms') ? fields.get('platforms') : undefined;
  const missing = Array.isArray(listed?.value) ? leftOut(listed.value, platforms) : [];
  if (!listed || missing.length === 0) return unread;
  return [
    ...unread,
    {
      ...common,
      rule: 'bake-target-lacks-platform',
      platforms: missing,
      message: `target ${target.name} is for ${(listed.value as readonly string[]).join(', ')}; ${formatPlatformList(missing)} is not among them`,
      hint: 'add the platform to platforms',
      range: listed.range,
    },
  ];
}

function readBuild({ name }: Target, fields: ReadonlyMap<string, Field>): readonly ServiceBuild[] {
  const text = (key: string, otherwise: string): string | undefined => {
    const field = fields.get(key);
    if (!field || field.value === null) return otherwise;
    return typeof field.value === 'string' ? field.value : undefined;
  };
  const dockerfile = text('dockerfile', 'Dockerfile');
  const context = text('context', '.');
  const args = fields.get('args')?.value;
  const target = text('target', '');
  const inline = fields.get('dockerfile-inline');
  const isLocal = context !== undefined && !/^(?:[a-z][a-z0-9+.-]*:|git@|github\.com\/)/i.test(context);
  return [
    {
      name,
      context: isLocal && dockerfile !== undefined ? context : undefined,
      dockerfile: dockerfile ?? 'Dockerfile',
      ...(typeof inline?.value === 'string'
        ? { inline: { text: inline.value, range: inline.range, indent: undefined } }
        : {}),
      buildArgs: isRecord(args) ? args : {},
      ...(target ? { target } : {}),
    },
  ];
}

function isRecord(value: Value): value is Readonly<Record<string, string>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The fields of what a target inherits, the last name first, under its own. */
function withInherited(
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

function readTargets(root: HclBlock, environment: Readonly<Record<string, string>>): readonly Target[] {
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

function evaluate(value: HclValue, variables: Readonly<Record<string, string>>): Value {
  const get = (name: string): string | undefined =>
    Object.hasOwn(variables, name) ? variables[name] : undefined;
  switch (value.kind) {
    case 'null':
      return null;
    case 'name':
      return get(value.name);
    case 'text': {
      const parts = value.parts.map((part) =>
        typeof part === 'string' ? part : part.variable === undefined ? undefined : get(part.variable),
      );
      return parts.includes(undefined) ? undefined : parts.join('');
    }
    case 'list': {
      const items = value.items.map((item) => evaluate(item, variables));
      return items.every((item) => typeof item === 'string') ? (items as readonly string[]) : undefined;
    }
    case 'object': {
      const fields: Record<string, string> = {};
      for (const [name, field] of value.fields) {
        const inner = evaluate(field, variables);
        if (typeof inner === 'string') fields[name] = inner;
      }
      return fields;
    }
    default:
      return undefined;
  }
}

/** The JSON form as the blocks of HCL. @throws MabuildError `SERVICES_SYNTAX` */
async function readJson(text: string, file: string | undefined): Promise<HclBlock> {
  const read = readJsonText(text);
  if ('problem' in read) {
    const { message, at } = read.problem;
    throw new MabuildError(`no valid JSON: ${message}`, {
      code: 'SERVICES_SYNTAX',
      location: locate({ text, file }, { start: at, end: Math.min(at + 1, text.length) }),
    });
  }
  // JSON is YAML but for tabs, which strings cannot hold as they are.
  const root = await readYaml(text.replaceAll('\t', ' '), file);
  const blocks: HclBlock[] = [];
  for (const type of ['variable', 'group', 'target']) {
    const named = root?.kind === 'map' ? root.entries.get(type)?.value : undefined;
    for (const [label, { keyRange, value }] of named?.kind === 'map' ? named.entries : []) {
      const attributes = new Map<string, HclValue>();
      for (const [key, entry] of value.kind === 'map' ? value.entries : []) {
        attributes.set(key, fromYaml(entry.value));
      }
      blocks.push({ type, labels: [label], range: keyRange, attributes, blocks: [] });
    }
  }
  return { type: '', labels: [], range: { start: 0, end: 0 }, attributes: new Map(), blocks };
}

function fromYaml(node: YamlNode): HclValue {
  const { range } = node;
  if (node.kind === 'list') return { kind: 'list', items: node.items.map(fromYaml), range };
  if (node.kind === 'map') {
    const fields = [...node.entries].map(([name, { value }]) => [name, fromYaml(value)] as const);
    return { kind: 'object', fields: new Map(fields), range };
  }
  if (node.style === 'plain' && node.text === 'null') return { kind: 'null', range };
  const parts = [...node.text.matchAll(/\$\{([^}]*)\}|[^$]+|\$/g)].map(([whole, inner]) =>
    inner === undefined ? whole : { variable: /^\s*([A-Za-z_][\w-]*)\s*$/.exec(inner)?.[1] },
  );
  return { kind: 'text', parts, range };
}
