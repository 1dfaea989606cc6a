import { digestOf, type HistoryEntry, normalizePlatform } from '@mabuild/oci';
import type { StageState } from './state.ts';

/** What is empty is not written, as Go leaves it out. */
function isEmpty(value: unknown): boolean {
  return value === '' || (typeof value === 'object' && value !== null && Object.keys(value).length === 0);
}

/** The config of the image that a state is. @param created ISO time */
export function imageConfig(
  state: StageState,
  created: string,
): { readonly bytes: Buffer; readonly id: string } {
  const { os, architecture, variant } = normalizePlatform(state.platform);
  const history = state.history.map(
    (entry): HistoryEntry => (entry.created === undefined ? { created, ...entry } : entry),
  );
  const bytes = Buffer.from(
    JSON.stringify({
      created,
      ...(state.author === undefined ? {} : { author: state.author }),
      ...{ architecture, os },
      ...(variant === undefined ? {} : { variant }),
      config: Object.fromEntries(Object.entries(state.config).filter(([, value]) => !isEmpty(value))),
      rootfs: { type: 'layers', diff_ids: state.layers.map(({ diffId }) => diffId) },
      history,
    }),
  );
  return { bytes, id: digestOf(bytes) };
}
