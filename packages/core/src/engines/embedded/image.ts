import { digestOf, type HistoryEntry, normalizePlatform } from '@mabuild/oci';
import type { StageState } from './state.ts';

/** What is empty is not written, as Go leaves it out. */
function isEmpty(value: unknown): boolean {
  return value === '' || (typeof value === 'object' && value !== null && Object.keys(value).length === 0);
}

/** The config of the image that a state is; the same layers and steps give the same one, whenever they are asked for. */
export function imageConfig(state: StageState): { readonly bytes: Buffer; readonly id: string } {
  const { os, architecture, variant } = normalizePlatform(state.platform);
  const history = datedHistory(state.history);
  const created = history.at(-1)?.created;
  const config = Object.entries(state.config).filter(([, value]) => !isEmpty(value));
  const bytes = Buffer.from(
    JSON.stringify({
      ...(created === undefined ? {} : { created }),
      ...(state.author === undefined ? {} : { author: state.author }),
      ...{ architecture, os },
      ...(variant === undefined ? {} : { variant }),
      config: Object.fromEntries(config),
      rootfs: { type: 'layers', diff_ids: state.layers.map(({ diffId }) => diffId) },
      history,
    }),
  );
  return { bytes, id: digestOf(bytes) };
}

/**
 * Gives steps that made no layer a time, as BuildKit does: that of the layer before them, and those above the first new layer
 * that layer's.
 */
function datedHistory(history: readonly HistoryEntry[]): readonly HistoryEntry[] {
  const firstWithout = history.findIndex(({ created }) => created === undefined);
  if (firstWithout < 0) return history;
  const firstNew = history.slice(firstWithout).find(({ created }) => created !== undefined);
  let time = (firstNew ?? history.findLast(({ created }) => created !== undefined))?.created;
  return history.map((entry, index) => {
    if (entry.created === undefined) return time === undefined ? entry : { created: time, ...entry };
    if (index > firstWithout) time = entry.created;
    return entry;
  });
}
