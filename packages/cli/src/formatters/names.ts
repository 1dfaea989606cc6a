import { visible } from '../text/visible.ts';

/** One name a line. */
export function formatNames(names: readonly string[]): string {
  return names.map((name) => `${visible(name)}\n`).join('');
}
