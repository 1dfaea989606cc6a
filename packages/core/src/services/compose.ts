import { formatPlatform, formatPlatformList } from '@mabuild/oci';
import type { Range } from '../dockerfile/model.ts';
import { armOnly, isX86 } from '../knowledge/x86-platform.ts';
import type { Finding } from '../rules/rule.ts';
import { extendedFile, includedFiles, type ServiceNode, serviceNode, whoSays } from './compose-files.ts';
import { imageFindings } from './image-findings.ts';
import { type Interpolated, interpolate } from './interpolate.ts';
import { leftOut, readPlatform } from './listed-platforms.ts';
import { readYaml } from './read-yaml.ts';
import {
  type ReadServicesOptions,
  type ServiceBuild,
  type ServiceReading,
  withoutIgnored,
} from './service.ts';
import { type YamlNode, type YamlScalar, yamlAt, yamlScalar } from './yaml-document.ts';

/** `compose.yaml`, `docker-compose.prod.yml` and their kin. */
export function isComposeFile(name: string): boolean {
  return /^(?:.*[._-])?(?:docker-)?compose(?:[._-].*)?\.ya?ml$/i.test(name);
}

/**
 * Reads the services of a Compose file: what is built, and what keeps them from running on the platforms asked for.
 *
 * Compose Specification, "services", "build", "platform", "interpolation", "extends", "include". Other files are named,
 * not read.
 * @throws MabuildError `SERVICES_SYNTAX` with its place, for what is no YAML
 */
export async function readCompose(text: string, options: ReadServicesOptions): Promise<ServiceReading> {
  const root = await readYaml(text, options.file);
  const fill = (value: string): string | undefined => {
    const { text: filled, unset } = interpolate(value, options.variables ?? {});
    return unset.length > 0 ? undefined : filled;
  };
  const files = options.services ? [] : [...includedFiles(root, fill)];
  const services = yamlAt(root, 'services');
  if (services?.kind !== 'map') return { builds: [], findings: [], files };
  const findings: Finding[] = [];
  const builds: ServiceBuild[] = [];
  for (const [name, { value }] of services.entries) {
    if (value.kind !== 'map' || (options.services && !options.services.has(name))) continue;
    const service = serviceNode(services, value, options.services?.get(name) ?? []);
    const build = yamlAt(whoSays(service, 'build'), 'build');
    builds.push(...readBuild(text, name, build, options));
    findings.push(...(await serviceFindings(text, service, options)));
    files.push(...[extendedFile(service, fill)].filter((file) => file !== undefined));
  }
  // Services that share lines by `<<` or an alias have one finding there.
  const places = new Map(findings.map((item) => [`${item.rule} ${item.range.start} ${item.message}`, item]));
  const sorted = [...places.values()].sort((a, b) => a.range.start - b.range.start);
  return { builds, findings: withoutIgnored(text, sorted), files };
}

async function serviceFindings(
  text: string,
  service: ServiceNode,
  options: ReadServicesOptions,
): Promise<readonly Finding[]> {
  const platforms = armOnly(options.platforms);
  if (platforms.length === 0) return [];
  const filled = (node: YamlScalar): Interpolated => interpolate(node.text, options.variables ?? {});
  const image = yamlScalar(whoSays(service, 'image'), 'image');
  // What another file builds has no image of its own to ask for.
  const isBuilt = service.given.includes('build') || whoSays(service, 'build') !== undefined;
  const build = yamlAt(whoSays(service, 'build'), 'build');
  const imageName = image && filled(image);
  const ofImage =
    image && imageName && imageName.unset.length === 0 && !isBuilt
      ? await imageFindings(
          imageName.text,
          {
            range: image.range,
            letters: imageName.literal ? lettersOf(text, image) : undefined,
            lacksPlatform: 'compose-image-lacks-platform',
          },
          { platforms, images: options.images },
        )
      : [];
  const findings: Finding[] = [...ofImage];
  const placed = whoSays(service, 'platform');
  const platform = yamlScalar(placed, 'platform');
  const named = platform && readPlatform(filled(platform).text);
  if (placed && platform && named && isX86(named)) {
    const line = wholeLine(text, placed, 'platform');
    const blocked = ofImage.filter(
      ({ severity, rule }) => severity === 'error' && rule.startsWith('compose-'),
    );
    const known =
      isBuilt ||
      (imageName !== undefined && (await options.images.platformsOf(imageName.text)) !== undefined);
    const safe = line !== undefined && blocked.length === 0 && known;
    findings.push({
      rule: 'compose-platform-x86',
      severity: 'error',
      platforms,
      message: `the service is ${formatPlatform(named)}, whatever machine it runs on`,
      hint:
        blocked.length > 0
          ? `the image has nothing else: ${blocked.map(({ message }) => message).join('; ')}`
          : known
            ? 'leave platform out: the machine then takes its own'
            : 'leave platform out if the image has the platform; mabuild check --online asks the registry',
      range: platform.range,
      fix: safe ? 'auto' : line === undefined || blocked.length > 0 ? 'none' : 'suggest',
      edits: line === undefined || blocked.length > 0 ? [] : [{ ...line, newText: '' }],
    });
  }
  const listed = yamlAt(build, 'platforms');
  if (listed?.kind === 'list') {
    const names = listed.items.flatMap((item) => (item.kind === 'scalar' ? [filled(item).text] : []));
    const missing = leftOut(names, platforms);
    if (missing.length > 0) {
      findings.push({
        rule: 'compose-build-lacks-platform',
        severity: 'info',
        platforms: missing,
        message: `the build is for ${names.join(', ')}; ${formatPlatformList(missing)} is not among them`,
        hint: 'add the platform to build.platforms',
        range: listed.items[0]?.range ?? listed.range,
        fix: 'none',
        edits: [],
      });
    }
  }
  return findings;
}

/** Where a plain or quoted scalar stands letter by letter. */
function lettersOf(text: string, { text: value, range, style }: YamlScalar): Range | undefined {
  if (style === 'block') return undefined;
  const written = text.slice(range.start, range.end);
  const at = style === 'quoted' ? 1 : 0;
  if (written.slice(at, written.length - at) !== value) return undefined;
  return { start: range.start + at, end: range.start + at + value.length };
}

/** The line of a key that has it to itself, in the map itself and not in one that it takes over. */
function wholeLine(text: string, map: YamlNode, key: string): Range | undefined {
  const entry = map.kind === 'map' ? map.entries.get(key) : undefined;
  if (!entry || entry.keyRange.start < map.range.start || entry.keyRange.end > map.range.end)
    return undefined;
  const start = text.lastIndexOf('\n', entry.keyRange.start - 1) + 1;
  const feed = text.indexOf('\n', entry.keyRange.end);
  const end = feed < 0 ? text.length : feed + 1;
  const line = text.slice(start, end).trimEnd();
  return /^\s*[\w"']+:\s*(["']?)[\w/.-]+\1\s*(?:#.*)?$/.test(line) ? { start, end } : undefined;
}

function readBuild(
  text: string,
  name: string,
  build: YamlNode | undefined,
  { variables = {} }: ReadServicesOptions,
): readonly ServiceBuild[] {
  if (build === undefined) return [];
  const filled = (node: YamlScalar | undefined): string | undefined => {
    const { text: value, unset } = node ? interpolate(node.text, variables) : { text: undefined, unset: [] };
    return unset.length > 0 ? undefined : value;
  };
  if (build.kind === 'scalar') {
    return [{ name, context: local(filled(build)), dockerfile: 'Dockerfile', buildArgs: {} }];
  }
  if (build.kind !== 'map') return [];
  const dockerfile = yamlScalar(build, 'dockerfile');
  const path = dockerfile ? filled(dockerfile) : 'Dockerfile';
  const context = yamlScalar(build, 'context');
  const inline = yamlScalar(build, 'dockerfile_inline');
  const target = filled(yamlScalar(build, 'target'));
  return [
    {
      name,
      context: path === undefined ? undefined : local(context ? filled(context) : '.'),
      dockerfile: path ?? 'Dockerfile',
      ...(inline ? { inline: inlineText(text, inline, variables) } : {}),
      buildArgs: readArgs(yamlAt(build, 'args'), variables),
      ...(target ? { target } : {}),
    },
  ];
}

/** A folder of this machine; URLs and other services are none. */
function local(context: string | undefined): string | undefined {
  if (context === undefined || context === '') return undefined;
  return /^(?:[a-z][a-z0-9+.-]*:|git@|github\.com\/)/i.test(context) ? undefined : context;
}

/** `args` as a map or as a list of `NAME=value`; those that only the environment knows are left out. */
function readArgs(
  args: YamlNode | undefined,
  variables: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const read: Record<string, string> = {};
  const set = (name: string, value: string): void => {
    const { text, unset } = interpolate(value, variables);
    if (unset.length === 0) read[name] = text;
  };
  if (args?.kind === 'map') {
    for (const [name, { value }] of args.entries) {
      if (value.kind !== 'scalar') continue;
      if (value.text !== '' || value.style !== 'plain') set(name, value.text);
      else if (variables[name] !== undefined) read[name] = variables[name];
    }
  }
  for (const item of args?.kind === 'list' ? args.items : []) {
    if (item.kind !== 'scalar') continue;
    const equals = item.text.indexOf('=');
    if (equals >= 0) set(item.text.slice(0, equals), item.text.slice(equals + 1));
    else if (variables[item.text] !== undefined) read[item.text] = variables[item.text] as string;
  }
  return read;
}

/** A Dockerfile inside of the file; with the blanks that its lines start with, where each line is written as it is. */
function inlineText(
  text: string,
  node: YamlScalar,
  variables: Readonly<Record<string, string>>,
): NonNullable<ServiceBuild['inline']> {
  const { text: value } = interpolate(node.text, variables);
  const written = text.slice(node.range.start, node.range.end);
  const first = written.indexOf('\n') + 1;
  const indent = /^[ ]*/.exec(written.slice(first))?.[0].length ?? 0;
  const body = written
    .slice(first)
    .split('\n')
    .map((line) => line.slice(indent));
  const literal = written.startsWith('|') && body.join('\n').startsWith(value.trimEnd());
  if (!literal) return { text: value, range: node.range, indent: undefined };
  return { text: value, range: { start: node.range.start + first, end: node.range.end }, indent };
}
