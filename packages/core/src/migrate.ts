import type { Platform } from '@mabuild/oci';
import { type CheckOptions, checkDockerfile } from './check.ts';
import { applyEdits } from './dockerfile/edit.ts';
import type { TextEdit } from './dockerfile/model.ts';
import { parseDockerfile } from './dockerfile/parse.ts';
import { type BaseStyle, type ImageMapping, retargetBase } from './dockerfile/retarget-base.ts';
import { officialNamespace } from './knowledge/namespaces.ts';
import type { Finding, ImageFacts } from './rules/rule.ts';

/** `portable`: one file for every platform; `per-arch`: one file per platform. */
export type MigrationStyle = 'portable' | 'per-arch';

export interface MigrateOptions extends Pick<CheckOptions, 'platforms' | 'rules' | 'buildArgs' | 'ignore'> {
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
  const findings = await checkText(text, options.platforms, options);
  if (options.style === 'portable') {
    const fixed = await applyFixes(text, options.platforms, options);
    return {
      files: [{ text: fixed }],
      findings,
      unfixed: await checkText(fixed, options.platforms, options),
    };
  }
  const files: MigratedDockerfile[] = [];
  const unfixed = new Map<string, Finding>();
  for (const platform of options.platforms) {
    const fixed = await applyFixes(text, [platform], options);
    const retargeted = retarget(fixed, platform, options);
    const suffix = officialNamespace(platform);
    files.push({ platform, ...(suffix === undefined ? {} : { suffix }), text: retargeted });
    for (const finding of await checkText(retargeted, [platform], options)) {
      const key = `${finding.rule} ${finding.message}`;
      if (!unfixed.has(key)) unfixed.set(key, finding);
    }
  }
  return { files, findings, unfixed: [...unfixed.values()] };
}

function checkText(
  text: string,
  platforms: readonly Platform[],
  options: MigrateOptions,
): Promise<readonly Finding[]> {
  const { rules, buildArgs, ignore, facts } = options;
  return checkDockerfile(parseDockerfile(text, { file: options.file }), {
    platforms,
    rules,
    buildArgs,
    ignore,
    images: facts,
  });
}

async function applyFixes(
  text: string,
  platforms: readonly Platform[],
  options: MigrateOptions,
): Promise<string> {
  let current = text;
  for (let round = 0; round < mostRounds; round += 1) {
    const fixable = (await checkText(current, platforms, options)).filter(
      ({ rule, fix, edits }) =>
        edits.length > 0 && (fix === 'auto' || fix === 'semi') && (options.only?.includes(rule) ?? true),
    );
    const next = applyEdits(current, compatible(fixable));
    if (next === current) break;
    current = next;
  }
  return current;
}

/** The edits of as many findings as fit together, first come, first served; the others get their turn next round. */
function compatible(findings: readonly Finding[]): readonly TextEdit[] {
  const chosen: TextEdit[] = [];
  for (const { edits } of findings) {
    const clashes = edits.some((edit) =>
      chosen.some((other) => edit.start <= other.end && other.start <= edit.end),
    );
    if (!clashes) chosen.push(...edits);
  }
  return chosen;
}

function retarget(text: string, platform: Platform, options: MigrateOptions): string {
  if (options.only && !options.only.includes('plain-base-in-arch-mode')) return text;
  const dockerfile = parseDockerfile(text, { file: options.file });
  const edits = retargetBase(dockerfile, {
    platform,
    buildArgs: options.buildArgs,
    style: options.baseStyle ?? 'namespace',
    images: options.images,
    allStages: true,
  });
  return applyEdits(text, edits);
}
