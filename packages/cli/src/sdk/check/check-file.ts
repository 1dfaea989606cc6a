import {
  checkDockerfile,
  type DownloadFacts,
  type Finding,
  type ImageFacts,
  migrateDockerfile,
  parseDockerfile,
  type Rule,
  readLockFile,
  type Severity,
  stageGraph,
} from '@mabuild/core';
import { isMabuildError, type Platform } from '@mabuild/oci';
import { type FileFindings, isFixable } from './file-findings.ts';
import { readText } from './read-text.ts';

/** How files are checked; plain data, so that it can go to another thread. */
export interface CheckHow {
  readonly directory: string;
  readonly platforms: readonly Platform[];
  readonly ignore: readonly string[];
  readonly severities: Readonly<Record<string, Severity>>;
  readonly buildArgs: Readonly<Record<string, string>>;
  readonly fixed: boolean;
  /** A file that cannot be read has a finding that says so, because there are others. */
  readonly lenient: boolean;
}

/** What does not go to another thread as it is. */
export interface CheckWorld {
  readonly images: ImageFacts;
  /** `images` are the tables alone, which every thread has. @default false */
  readonly offline?: boolean;
  readonly downloads: DownloadFacts | undefined;
  readonly rules: readonly Rule[];
}

/** A build that a compose or bake file asks for. */
export interface AskedBuild {
  readonly buildArgs: Readonly<Record<string, string>>;
  readonly target?: string;
}

export interface CheckJob {
  readonly path: string;
  readonly kind: 'dockerfile' | 'lockfile';
  /** The text, for what is no file. */
  readonly text?: string;
  /** What it is for, where `migrate --style per-arch` wrote it beside its source. @default all that are asked for */
  readonly platforms?: readonly Platform[];
  /** How the Dockerfile is built; without any it is checked as it is. */
  readonly builds: readonly AskedBuild[];
  /** Somebody named the file, so that it is checked without a build's arguments too. */
  readonly named: boolean;
}

/** Checks one Dockerfile or lock file. @throws MabuildError unless `how` is lenient */
export async function checkFile(job: CheckJob, how: CheckHow, world: CheckWorld): Promise<FileFindings> {
  const { path } = job;
  let text = '';
  try {
    text = job.text ?? (await readText(path, how));
    if (job.kind === 'lockfile') {
      const findings = readLockFile(text, { file: path, platforms: how.platforms });
      return { path, dockerfile: { text, file: path }, findings: adjust(findings, how) };
    }
    return await checkText(job, text, how, world);
  } catch (error) {
    const finding = how.lenient ? unreadableFinding(error, text, how.platforms) : undefined;
    if (!finding) throw error;
    return { path, dockerfile: { text, file: path }, findings: [finding] };
  }
}

/** Leaves out what is switched off, and gives the others the severity asked for. */
export function adjust(findings: readonly Finding[], how: CheckHow): readonly Finding[] {
  return findings
    .filter(({ rule }) => !how.ignore.includes(rule))
    .map((finding) => ({ ...finding, severity: how.severities[finding.rule] ?? finding.severity }));
}

async function checkText(
  job: CheckJob,
  text: string,
  how: CheckHow,
  world: CheckWorld,
): Promise<FileFindings> {
  const { path } = job;
  const { ignore, severities, buildArgs } = how;
  const { platforms = how.platforms } = job;
  const { images, downloads, rules } = world;
  const dockerfile = parseDockerfile(text, { file: path });
  const builds = new Map<string, AskedBuild>();
  if (job.named || job.builds.length === 0) builds.set('', { buildArgs: {} });
  for (const build of job.builds) builds.set(JSON.stringify(build), build);
  const found = new Map<string, Finding>();
  for (const build of builds.values()) {
    const findings = await checkDockerfile(dockerfile, {
      platforms,
      rules,
      ignore,
      severities,
      images,
      downloads,
      buildArgs: { ...build.buildArgs, ...buildArgs },
    });
    const needed = build.target === undefined ? undefined : neededRanges(dockerfile, build.target);
    for (const finding of findings) {
      const { rule, range, message } = finding;
      const isNeeded = needed?.some(({ start, end }) => start <= range.start && range.start <= end) ?? true;
      const key = `${rule} ${range.start} ${range.end} ${message}`;
      if (isNeeded && !found.has(key)) found.set(key, finding);
    }
  }
  const findings = [...found.values()].sort(
    (a, b) => a.range.start - b.range.start || a.range.end - b.range.end || (a.rule < b.rule ? -1 : 1),
  );
  if (!how.fixed || !findings.some(isFixable)) return { path, dockerfile, findings };
  const { files } = await migrateDockerfile(text, {
    platforms,
    rules,
    ignore,
    buildArgs,
    style: 'portable',
    facts: images,
    downloads,
    file: path,
  });
  return { path, dockerfile, findings, fixed: files[0]?.text };
}

/** Where the stages stand that a target needs, and what is above the first; `undefined` for a target that is not there. */
function neededRanges(
  dockerfile: ReturnType<typeof parseDockerfile>,
  target: string,
): readonly { readonly start: number; readonly end: number }[] | undefined {
  try {
    const head = dockerfile.stages[0]?.from.range.start ?? 0;
    return [
      { start: 0, end: head - 1 },
      ...stageGraph(dockerfile, target).map((stage) => ({
        start: stage.from.range.start,
        end: (stage.instructions.at(-1) ?? stage.from).range.end,
      })),
    ];
  } catch (error) {
    if (isMabuildError(error)) return undefined;
    throw error;
  }
}

/** An error as a finding: at its place, or at the head of the file. */
export function unreadableFinding(
  error: unknown,
  text: string,
  platforms: readonly Platform[],
): Finding | undefined {
  if (!isMabuildError(error)) return undefined;
  if (!error.location && error.code !== 'FILE_UNREADABLE' && error.code !== 'FILE_NOT_FOUND')
    return undefined;
  const {
    line,
    column,
    endLine = line,
    endColumn = column + 1,
  } = error.location ?? {
    line: 1,
    column: 1,
    endColumn: 1,
  };
  return {
    rule: 'syntax',
    severity: 'error',
    platforms,
    message: error.message,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    range: { start: offsetOf(text, line, column), end: offsetOf(text, endLine, endColumn) },
    fix: 'none',
    edits: [],
  };
}

function offsetOf(text: string, line: number, column: number): number {
  let start = text.startsWith('\ufeff') ? 1 : 0;
  for (let current = 1; current < line; current += 1) {
    const end = text.indexOf('\n', start);
    if (end < 0) break;
    start = end + 1;
  }
  return Math.min(text.length, start + column - 1);
}
