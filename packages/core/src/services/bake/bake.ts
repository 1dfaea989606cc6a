import { formatPlatformList } from '@mabuild/oci';
import { armOnly } from '../../knowledge/x86-platform.ts';
import type { Finding } from '../../rules/rule.ts';
import { leftOut } from '../listed-platforms.ts';
import {
  type ReadServicesOptions,
  type ServiceBuild,
  type ServiceReading,
  withoutIgnored,
} from '../service.ts';
import { readJson } from './bake-json.ts';
import { type Field, readTargets, type Target, withInherited } from './bake-targets.ts';
import { isRecord } from './bake-value.ts';
import { readHcl } from './hcl.ts';

/** `docker-bake.hcl`, `docker-bake.override.json` and their kin. */
export function isBakeFile(name: string): boolean {
  return /^(?:.*[._-])?bake(?:[._-].*)?\.(?:hcl|json)$/i.test(name);
}

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
