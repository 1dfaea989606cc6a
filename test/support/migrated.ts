import {
  type Dockerfile,
  type Finding,
  locate,
  type MigrationStyle,
  migrateDockerfile,
  parseDockerfile,
  platformArgs,
  stageGraph,
} from '@mabuild/core';
import { isMabuildError, type Platform } from '@mabuild/oci';
import { brokenBy } from './invariants.ts';

/**
 * Rewrites a text twice and says what is wrong with it: a crash, a byte changed outside what findings name, a second
 * rewrite that changes more, a fix that is called automatic and was not made. `undefined`: BuildKit refuses the text too.
 */
export async function rewriteProblems(
  text: string,
  style: MigrationStyle,
  platforms: readonly Platform[],
): Promise<readonly string[] | undefined> {
  const options = { style, platforms };
  try {
    const first = await migrateDockerfile(text, options);
    const after = first.files[0]?.text ?? '';
    const second = await migrateDockerfile(after, options);
    const broken = brokenBy(text, after, linesToTouch(parseDockerfile(text), first.findings, style));
    return [
      ...(broken === undefined ? [] : [`changed ${broken}`]),
      ...(second.files[0]?.text === after ? [] : ['changes again the second time']),
      ...second.findings.filter(isFixable).map((finding) => describeLeft(after, finding)),
    ];
  } catch (error) {
    if (isMabuildError(error) && /^DOCKERFILE_/.test(error.code) && !parses(text, platforms))
      return undefined;
    return [`fails: ${error instanceof Error ? error.stack : error}`];
  }
}

function isFixable({ fix, edits }: Finding): boolean {
  return (fix === 'auto' || fix === 'semi') && edits.length > 0;
}

function describeLeft(text: string, { rule, range, message }: Finding): string {
  const { line } = locate({ text, file: undefined }, range);
  return `line ${line} of the result: ${rule} was to be fixed: ${message}`;
}

/** Tells whether BuildKit would read the text, its words and stages too. */
function parses(text: string, platforms: readonly Platform[]): boolean {
  try {
    const file = parseDockerfile(text);
    for (const platform of platforms)
      stageGraph(file, undefined, { platformArgs: platformArgs(platform, platform) });
    return true;
  } catch (error) {
    if (isMabuildError(error)) return false;
    throw error;
  }
}

/** Lines (from 1) that a migration may change: those of its findings' instructions and edits, and of what per-arch retargets. */
function linesToTouch(file: Dockerfile, findings: readonly Finding[], style: MigrationStyle): Set<number> {
  const lines = new Set<number>();
  const add = (start: number, end: number): void => {
    for (let line = lineAt(file.text, start); line <= lineAt(file.text, end); line += 1) lines.add(line);
  };
  for (const { range, edits, variations = [] } of findings) {
    for (const { range: own } of file.instructions) {
      if (range.start < own.end && own.start < range.end) add(own.start, own.end);
    }
    for (const { start, end } of edits) add(start, end);
    for (const { site } of variations) add(site.instruction.range.start, site.instruction.range.end);
  }
  for (const { keyword, range, flags } of file.instructions) {
    const source = flags.some(
      ({ name, value }) => name === 'from' || (name === 'mount' && /from=/.test(value ?? '')),
    );
    if (style === 'per-arch' && (keyword === 'FROM' || keyword === 'ARG' || source))
      add(range.start, range.end);
    // A number counts stages, and a new stage may come in front.
    if (source && flags.some(({ value }) => /^\d+$|from=\d/.test(value ?? ''))) add(range.start, range.end);
  }
  return lines;
}

function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}
