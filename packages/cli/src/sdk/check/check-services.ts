import { readFile } from 'node:fs/promises';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import {
  type Finding,
  isMadeUnasked,
  type Range,
  readBake,
  readCompose,
  readEnvFile,
  type ServiceBuild,
  type ServiceFile,
  type ServiceReading,
} from '@mabuild/core';
import {
  type AskedBuild,
  adjust,
  type CheckHow,
  type CheckWorld,
  checkFile,
  unreadableFinding,
} from './check-file.ts';
import type { FileFindings } from './file-findings.ts';
import type { FoundFile } from './find-files.ts';
import { readText } from './read-text.ts';

/** What is said of a compose or bake file, and the Dockerfiles that it builds. */
export interface CheckedServices {
  readonly result: FileFindings;
  /** By path, as the user would name it. */
  readonly builds: readonly { readonly path: string; readonly build: AskedBuild }[];
  /** Other files that it takes services from. */
  readonly files: readonly NamedServices[];
}

/** A compose or bake file, as the user or another one names it. */
export interface NamedServices extends Pick<FoundFile, 'path' | 'kind'> {
  /** Of a Compose file. @default all of them */
  readonly services?: ServiceFile['services'] | undefined;
  /** What its relative paths start from. @default its own folder */
  readonly folder?: string;
}

/** Checks a compose or bake file, and the Dockerfiles that stand inside of it. */
export async function checkServices(
  named: NamedServices,
  how: CheckHow,
  world: CheckWorld,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<CheckedServices> {
  const { path, folder = dirname(path) } = named;
  let text = '';
  try {
    text = await readText(path, how);
    const reading = await readServices(named, folder, text, how, world, environment);
    const findings = [...adjust(reading.findings, how)];
    for (const build of reading.builds) findings.push(...(await inlineFindings(build, path, how, world)));
    findings.sort((a, b) => a.range.start - b.range.start);
    const result = { path, dockerfile: { text, file: path }, findings };
    const fixed = how.fixed ? withEdits(text, findings) : text;
    return {
      result: fixed === text ? result : { ...result, fixed },
      builds: reading.builds.flatMap((build) => {
        const dockerfile = pathOf(build, folder);
        const { buildArgs, target } = build;
        return dockerfile === undefined
          ? []
          : [{ path: dockerfile, build: { buildArgs, ...(target ? { target } : {}) } }];
      }),
      files: (reading.files ?? []).map((file) => ({
        path: from(folder, file.path),
        kind: 'compose' as const,
        ...(file.directory === undefined ? {} : { folder: from(folder, file.directory) }),
        ...(file.services === undefined ? {} : { services: file.services }),
      })),
    };
  } catch (error) {
    const finding = how.lenient ? unreadableFinding(error, text, how.platforms) : undefined;
    if (!finding) throw error;
    return { result: { path, dockerfile: { text, file: path }, findings: [finding] }, builds: [], files: [] };
  }
}

async function readServices(
  { path, kind, services }: NamedServices,
  folder: string,
  text: string,
  { directory, platforms }: CheckHow,
  { images }: CheckWorld,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<ServiceReading> {
  const own = Object.fromEntries(
    Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
  if (kind === 'bake') return readBake(text, { file: path, platforms, images, variables: own });
  const file = resolve(directory, folder, '.env');
  const beside = readEnvFile(await readFile(file, 'utf8').catch(() => ''));
  const variables = { ...beside, ...own };
  return readCompose(text, { file: path, platforms, images, variables, services });
}

/** The Dockerfile of a build; `undefined` when it is not in a folder here. */
function pathOf(build: ServiceBuild, folder: string): string | undefined {
  if (build.context === undefined || build.inline) return undefined;
  return from(from(folder, build.context), build.dockerfile);
}

function from(folder: string, path: string): string {
  return isAbsolute(path) ? path : join(folder, path);
}

/** What is said of a Dockerfile that stands in the file, at its lines; the fix is only told. */
async function inlineFindings(
  { name, inline, buildArgs, target }: ServiceBuild,
  path: string,
  how: CheckHow,
  world: CheckWorld,
): Promise<readonly Finding[]> {
  if (!inline) return [];
  const { dockerfile, findings } = await checkFile(
    {
      path: `${path} (${name})`,
      kind: 'dockerfile',
      text: inline.text,
      builds: [{ buildArgs, ...(target ? { target } : {}) }],
      named: false,
    },
    { ...how, fixed: false, lenient: true },
    world,
  );
  return findings.map(({ variations: _, ...finding }) => ({
    ...finding,
    range: placeOf(finding.range, dockerfile.text, inline),
    fix: finding.fix === 'none' ? 'none' : 'suggest',
    edits: [],
  }));
}

/** A span of a block of YAML: each of its lines is moved to the right. */
function placeOf(range: Range, text: string, inline: NonNullable<ServiceBuild['inline']>): Range {
  const { indent, range: outer } = inline;
  if (indent === undefined) return outer;
  const moved = (offset: number): number => {
    const lines = text.slice(0, offset).split('\n');
    const blank = lines.slice(0, -1).filter((line) => line === '').length;
    return Math.min(outer.end, outer.start + offset + (lines.length - blank) * indent);
  };
  return { start: moved(range.start), end: moved(range.end) };
}

/** A text with the fixes made that need nobody's look. */
export function withEdits(text: string, findings: readonly Finding[]): string {
  const edits = findings
    .filter(({ fix }) => isMadeUnasked(fix))
    .flatMap((finding) => finding.edits)
    .sort((a, b) => a.start - b.start || a.end - b.end);
  let out = '';
  let at = 0;
  for (const edit of edits) {
    if (edit.start < at) continue;
    out += text.slice(at, edit.start) + edit.newText;
    at = edit.end;
  }
  return out + text.slice(at);
}
