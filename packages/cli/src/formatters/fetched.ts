import type { FetchedEmulators } from '../sdk/programs.ts';
import { table } from './table.ts';

/** What was fetched, a line each. */
export function formatFetched({ qemu, proot }: FetchedEmulators): string {
  const rows = [
    ...qemu.map(({ platform, file }) => [platform, file]),
    ...(proot === undefined ? [] : [['sandbox', proot]]),
  ];
  return `${table(['FOR', 'FILE'], rows).join('\n')}\n`;
}
