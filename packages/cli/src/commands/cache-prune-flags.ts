import { type CacheKind, cacheKinds } from '@mabuild/core';
import { MabuildError } from '@mabuild/oci';
import type { PruneCacheRequest } from '../sdk/cache/prune-cache.ts';
import { parseSize } from '../sdk/cache/size.ts';
import type { GlobalOptions } from './options.ts';

export interface CachePruneFlags extends GlobalOptions {
  readonly all?: boolean;
  readonly force?: boolean;
  readonly filter?: readonly string[];
  readonly keepStorage?: string;
  readonly maxUsedSpace?: string;
  readonly format: string;
}

const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
/** As BuildKit names its records. */
const kindsOfBuildkit: Readonly<Record<string, readonly CacheKind[]>> = {
  regular: ['layer', 'result', 'scan', 'unpacked'],
  'exec.cachemount': ['cache-mount'],
};

/**
 * Turns prune's flags into a request, spelled as `docker builder prune` and `docker buildx prune` have them.
 * @param now milliseconds since the epoch
 * @throws MabuildError `USAGE` naming the flag
 */
export function pruneRequestOf(
  flags: Pick<CachePruneFlags, 'all' | 'filter' | 'keepStorage' | 'maxUsedSpace'>,
  now: number,
): PruneCacheRequest {
  const { keepStorage, maxUsedSpace } = flags;
  if (keepStorage !== undefined && maxUsedSpace !== undefined)
    throw usage('--keep-storage and --max-used-space are the same', 'leave one of them out');
  let before: Date | undefined;
  let kinds: readonly CacheKind[] | undefined;
  for (const filter of flags.filter ?? []) {
    const [, name = '', value = ''] = /^([^=]*)=?(.*)$/s.exec(filter) ?? [];
    if (name === 'until' || name === 'unused-for') before = timeOf(value, filter, now);
    else if (name === 'type') kinds = [...(kinds ?? []), ...kindsOf(value, filter)];
    else
      throw usage(
        `--filter ${JSON.stringify(filter)} is unknown`,
        'write until=24h, unused-for=24h or type=KIND',
      );
  }
  const keep =
    keepStorage === undefined
      ? maxUsedSpace && parseSize(maxUsedSpace, '--max-used-space')
      : parseSize(keepStorage, '--keep-storage');
  return {
    all: flags.all ?? false,
    ...{ before, kinds, keepStorage: keep === '' ? undefined : keep },
  };
}

function kindsOf(value: string, filter: string): readonly CacheKind[] {
  const known = Object.hasOwn(kindsOfBuildkit, value) ? kindsOfBuildkit[value] : undefined;
  const kind = cacheKinds.find((candidate) => candidate === value);
  if (known ?? kind) return known ?? [kind as CacheKind];
  throw usage(
    `--filter ${JSON.stringify(filter)} names no kind`,
    `write one of ${[...cacheKinds, ...Object.keys(kindsOfBuildkit)].join(', ')}`,
  );
}

/** `24h`, `1h30m`: so long ago; else a point in time, in seconds since 1970 or as RFC 3339 has it. */
function timeOf(text: string, filter: string, now: number): Date {
  if (/^(?:\d+(?:\.\d+)?(?:ms|s|m|h))+$/.test(text)) {
    let ago = 0;
    for (const [, number, unit = ''] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g))
      ago += Number(number) * (units[unit] ?? 0);
    return new Date(Math.max(0, now - ago));
  }
  const time = /^\d{1,11}(?:\.\d+)?$/.test(text) ? Number(text) * 1000 : Date.parse(text);
  if (!Number.isNaN(time) && /^\d/.test(text)) return new Date(time);
  throw usage(
    `--filter ${JSON.stringify(filter)} names no time`,
    'write until=24h, until=1h30m or until=2026-01-31',
  );
}

function usage(message: string, hint: string): MabuildError {
  return new MabuildError(message, { code: 'USAGE', hint });
}
