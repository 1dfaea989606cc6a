import type { Platform } from '@mabuild/oci';
import { type CheckOptions, followRules, withPortableFixes } from './check.ts';
import { applyEdits } from './dockerfile/edit.ts';
import { lintNames } from './dockerfile/lint-names.ts';
import type { Dockerfile, TextEdit } from './dockerfile/model.ts';
import { parseDockerfile } from './dockerfile/parse.ts';
import { retargetBase } from './dockerfile/retarget-base.ts';
import type { BaseStyle, ImageMapping } from './dockerfile/retarget-reference.ts';
import { isReadAlike } from './dockerfile/second-reader.ts';
import { compatible, fitting } from './fixes/fit-findings.ts';
import { openChecksums } from './fixes/open-checksum.ts';
import { perArchEdits } from './fixes/per-arch.ts';
import { portableEdits } from './fixes/portable.ts';
import { platformKey } from './fixes/variation.ts';
import { officialNamespace } from './knowledge/namespaces.ts';
import { type Finding, type ImageFacts, isMadeUnasked } from './rules/rule.ts';

/** `portable`: one file for every platform; `per-arch`: one file per platform. */
export type MigrationStyle = 'portable' | 'per-arch';

export interface MigrateOptions
  extends Pick<CheckOptions, 'platforms' | 'rules' | 'buildArgs' | 'ignore' | 'downloads'> {
  readonly style: MigrationStyle;
  /** For per-arch: `arm32v7/x`, or the plain name with `--platform`. @default 'namespace' */
  readonly baseStyle?: BaseStyle | undefined;
  /** The user's own ARM images, for per-arch. */
  readonly images?: ImageMapping | undefined;
  /** What is known of images. @default the table of official images */
  readonly facts?: ImageFacts | undefined;
  /** Only these rules' fixes; `plain-base-in-arch-mode` is the one of per-arch. */
  readonly only?: readonly string[] | undefined;
  /** The file as the user named it, for messages. */
  readonly file?: string | undefined;
}

export interface MigratedDockerfile {
  /** Only for per-arch. */
  readonly platform?: Platform;
  /** For a file name, e.g. `arm32v7`; only for per-arch. */
  readonly suffix?: string;
  readonly text: string;
}

export interface Migration {
  readonly files: readonly MigratedDockerfile[];
  /** What was found in the text as it was. */
  readonly findings: readonly Finding[];
  /** What is still found in the result; ranges are those of the result. */
  readonly unfixed: readonly Finding[];
}

/** Rounds of fixes: one fix may uncover another, but never for long. */
const mostRounds = 8;

/**
 * Rewrites a Dockerfile for other platforms: fixes that are safe are made, the others are told.
 *
 * Bytes that no fix is about stay; a result given again comes back unchanged.
 * @throws MabuildError `DOCKERFILE_SYNTAX`.
 */
export async function migrateDockerfile(text: string, options: MigrateOptions): Promise<Migration> {
  const read = reader(options);
  const findings = await check(text, options.platforms, read);
  if (options.style === 'portable') {
    const fixed = await applyFixes(text, options.platforms, read, options, portableWriter(options.platforms));
    return { files: [{ text: fixed }], findings, unfixed: await check(fixed, options.platforms, read) };
  }
  const files: MigratedDockerfile[] = [];
  const unfixed = new Map<string, Finding>();
  for (const platform of options.platforms) {
    // A vendor's name for the platform comes before the name without one, which is for files that serve every platform.
    const named = retarget(text, platform, options, true);
    const fixed = await applyFixes(named, [platform], read, options, perArchWriter(platform));
    const retargeted = retarget(fixed, platform, options);
    const suffix = officialNamespace(platform);
    files.push({ platform, ...(suffix === undefined ? {} : { suffix }), text: retargeted });
    for (const finding of await check(retargeted, [platform], read)) {
      const key = `${finding.rule} ${finding.message}`;
      if (!unfixed.has(key)) unfixed.set(key, finding);
    }
  }
  return { files, findings, unfixed: [...unfixed.values()] };
}

/**
 * A Dockerfile with every safe fix for one platform, bases left as they are: what `build --fix` builds.
 *
 * @throws MabuildError `DOCKERFILE_SYNTAX`.
 */
export async function fixDockerfile(
  text: string,
  platform: Platform,
  options: Omit<MigrateOptions, 'style' | 'platforms'>,
): Promise<string> {
  const all: MigrateOptions = { ...options, style: 'per-arch', platforms: [platform] };
  return applyFixes(text, [platform], reader(all), all, perArchWriter(platform));
}

/** A text as the rules read it. */
interface Reading {
  readonly dockerfile: Dockerfile;
  readonly findings: readonly Finding[];
}

type Reader = (text: string, platforms: readonly Platform[]) => Promise<Reading>;

/** Follows the rules once for each text and its platforms: what one step ends with, the next one starts with. */
function reader(options: MigrateOptions): Reader {
  const readings = new Map<string, Promise<Reading>>();
  return (text, platforms) => {
    const key = `${platforms.map(platformKey).join()}\n${text}`;
    const reading = readings.get(key) ?? read(text, platforms, options);
    readings.set(key, reading);
    return reading;
  };
}

async function read(text: string, platforms: readonly Platform[], options: MigrateOptions): Promise<Reading> {
  const dockerfile = parse(text, options);
  const { rules, buildArgs, ignore, facts, downloads } = options;
  const how = { platforms, rules, buildArgs, ignore, images: facts, downloads };
  return { dockerfile, findings: await followRules(dockerfile, how) };
}

async function check(
  text: string,
  platforms: readonly Platform[],
  read: Reader,
): Promise<readonly Finding[]> {
  const { dockerfile, findings } = await read(text, platforms);
  return withPortableFixes(dockerfile, findings, platforms);
}

function parse(text: string, options: MigrateOptions): Dockerfile {
  return parseDockerfile(text, { file: options.file });
}

/** Writes the variations of findings in one style; those of findings that it refuses are left out. */
type Writer = (dockerfile: Dockerfile, findings: readonly Finding[]) => readonly TextEdit[];

async function applyFixes(
  text: string,
  platforms: readonly Platform[],
  read: Reader,
  options: MigrateOptions,
  write: Writer,
): Promise<string> {
  let current = text;
  for (let round = 0; round < mostRounds; round += 1) {
    const { dockerfile, findings } = await read(current, platforms);
    const next = applyEdits(
      current,
      write(dockerfile, compatible(findings.filter((finding) => isFixable(finding, options)))),
    );
    // What two readers would divide differently is no Dockerfile to hand out.
    if (next === current || (isReadAlike(current) && !isReadAlike(next))) break;
    current = next;
  }
  return current;
}

function isFixable({ rule, fix, edits, variations = [] }: Finding, { only }: MigrateOptions): boolean {
  const hasFix = edits.length > 0 || variations.length > 0;
  return hasFix && isMadeUnasked(fix) && (only?.includes(rule) ?? true);
}

function portableWriter(platforms: readonly Platform[]): Writer {
  return (dockerfile, findings) =>
    fitting(findings, (variations) => portableEdits(dockerfile, variations, platforms));
}

function perArchWriter(platform: Platform): Writer {
  return (dockerfile, findings) =>
    fitting(findings, (variations) => ({
      edits: [
        ...openChecksums(dockerfile, variations, platform),
        ...perArchEdits(dockerfile, variations, platform),
      ],
      refused: [],
    }));
}

function retarget(text: string, platform: Platform, options: MigrateOptions, vendorsOnly = false): string {
  if (options.only && !options.only.includes('plain-base-in-arch-mode')) return text;
  const dockerfile = parse(text, options);
  const edits = retargetBase(dockerfile, {
    platform,
    buildArgs: options.buildArgs,
    style: options.baseStyle ?? 'namespace',
    images: options.images,
    allStages: true,
    vendorsOnly,
  });
  const retargeted = applyEdits(text, edits);
  return vendorsOnly ? retargeted : applyEdits(retargeted, lintNames(parse(retargeted, options)));
}
