import { isMabuildError, normalizePlatform, type Platform, parsePlatform } from '@mabuild/oci';
import type { Dockerfile, Stage, TextEdit } from './model.ts';

const rule = 'FromPlatformFlagConstDisallowed';

/**
 * Edits that keep a file building whose `# check=error=true` makes BuildKit's warnings errors: it warns of a constant
 * `--platform`, unless the stage's name tells the platform too.
 *
 * Stages without a name get one, `AS linux-arm`. Those with one keep it, because people build them by name: then the
 * directive leaves this one warning out.
 */
export function lintNames(dockerfile: Dockerfile): readonly TextEdit[] {
  const check = dockerfile.directives.find(({ name }) => name === 'check');
  const options = new Map((check?.value ?? '').split(';').map((pair) => readOption(pair)));
  const skipped = (options.get('skip') ?? '').split(',').map((name) => name.trim().toLowerCase());
  const isStrict = options.get('error')?.toLowerCase() === 'true';
  if (!check || !isStrict || skipped.includes('all') || skipped.includes(rule.toLowerCase())) return [];
  const blamed = dockerfile.stages.flatMap((stage) => {
    const platform = constantPlatform(stage);
    return platform && !tells(stage.name, platform) ? [{ stage, platform }] : [];
  });
  if (blamed.some(({ stage }) => stage.name !== undefined)) return [skipRule(dockerfile, check)];
  const taken = new Set(dockerfile.stages.map(({ name }) => name));
  return blamed.map(({ stage, platform }) => {
    const name = freeName(`${platform.os}-${platform.architecture}`, taken);
    const { start, end } = stage.from.keywordRange;
    // BuildKit wants FROM and AS in one case.
    const as = dockerfile.text.slice(start, end) === 'from' ? 'as' : 'AS';
    return { start: stage.base.range.end, end: stage.base.range.end, newText: ` ${as} ${name}` };
  });
}

function readOption(pair: string): readonly [string, string] {
  const [key = '', value = ''] = pair.split('=');
  return [key.trim(), value.trim()];
}

function constantPlatform({ platform }: Stage): Platform | undefined {
  const value = platform?.value;
  if (!value || value.includes('$')) return undefined;
  try {
    return normalizePlatform(parsePlatform(value));
  } catch (error) {
    if (isMabuildError(error)) return undefined;
    throw error;
  }
}

function tells(name: string | undefined, { os, architecture }: Platform): boolean {
  return name !== undefined && (name.includes(os) || name.includes(architecture));
}

function freeName(stem: string, taken: Set<string | undefined>): string {
  let name = stem;
  for (let count = 2; taken.has(name); count += 1) name = `${stem}-${count}`;
  taken.add(name);
  return name;
}

/** `# check=error=true` becomes `# check=skip=…;error=true`. */
function skipRule(
  { text }: Dockerfile,
  { range }: { readonly range: { start: number; end: number } },
): TextEdit {
  const line = text.slice(range.start, range.end);
  const skip = /(?<=[=;]\s*)skip\s*=\s*/i.exec(line);
  const at = range.start + (skip ? skip.index + skip[0].length : line.indexOf('=') + 1);
  return { start: at, end: at, newText: skip ? `${rule},` : `skip=${rule};` };
}
