import type { CacheKind } from '@mabuild/core';
import type { CacheUsage } from '../sdk/cache/cache-usage.ts';
import type { PruneCacheResult } from '../sdk/cache/prune-cache.ts';
import { formatBytes } from '../text/bytes.ts';
import { count } from '../text/count.ts';
import { visible } from '../text/visible.ts';
import { table } from './table.ts';

const holds: Readonly<Record<CacheKind, string>> = {
  layer: 'layers, as they are published',
  result: 'what steps made',
  scan: 'what layers hold',
  unpacked: 'layers, as RUN sees them',
  'cache-mount': 'folders of RUN --mount=type=cache',
  download: 'manifests of registries',
  program: 'fetched emulators',
  record: 'what was found out about images and engines',
};

/** The cache as people read it. */
export function formatCacheUsage(usage: CacheUsage, { verbose = false }: { verbose?: boolean } = {}): string {
  const kinds = usage.kinds.map(({ kind, items, size, lastUsed }) => [
    ...[kind, String(items), formatBytes(size), lastUsed === null ? '' : shortTime(lastUsed)],
    holds[kind],
  ]);
  const lines = [
    `Cache:       ${usage.directory}`,
    `Size:        ${formatBytes(usage.size)}${usage.limit === null ? ', without a limit' : ` of ${formatBytes(usage.limit)}`}`,
    `Reclaimable: ${formatBytes(usage.reclaimable)}`,
    '',
    ...table(['KIND', 'ITEMS', 'SIZE', 'LAST USED', 'WHAT'], kinds),
  ];
  if (verbose && usage.entries.length > 0) {
    const entries = usage.entries.map(({ kind, id, name, size, lastUsed, inUse }) => [
      ...[kind, formatBytes(size), shortTime(lastUsed), inUse ? 'yes' : 'no'],
      name === undefined ? id : `${id} (${visible(name)})`,
    ]);
    lines.push('', ...table(['KIND', 'SIZE', 'LAST USED', 'IN USE', 'ID'], entries));
  }
  return `${lines.join('\n')}\n`;
}

/** What was deleted, as people read it. */
export function formatPruned({ removed, reclaimed, size, inUse }: PruneCacheResult): string {
  const rows = removed.map(({ kind, items, size: bytes }) => [kind, String(items), formatBytes(bytes)]);
  const lines = [
    ...(rows.length === 0 ? [] : [...table(['KIND', 'ITEMS', 'SIZE'], rows), '']),
    `Total: ${formatBytes(reclaimed)} reclaimed, ${formatBytes(size)} left`,
  ];
  if (inUse > 0) lines.push(`${count(inUse, 'thing')} stayed: a build uses what was used since it began`);
  return `${lines.join('\n')}\n`;
}

function shortTime(time: string): string {
  return time.replace(/\.\d+Z$/, 'Z');
}
