import { setTimeout as sleep } from 'node:timers/promises';
import {
  type CallOptions,
  type CopyOptions,
  copyImage,
  type ImageSink,
  type ImageSource,
  isMabuildError,
  type TagOptions,
} from '@mabuild/oci';

/** How writing a tag ended. */
export interface TagWrite {
  /** Whether the tag was seen to point at what was written; else another writer came first, or right after. */
  readonly written: boolean;
  /** The longest time, in milliseconds, in which nobody looked at the tag while it was written. */
  readonly blind: number;
  /** What others made the tag point at while it was written, in this order; our write may have overwritten it. */
  readonly others: readonly ImageSource[];
}

export interface WriteTagOptions extends CallOptions {
  readonly name: string;
  /** What the tag must point at until it is written. */
  readonly expected: NonNullable<TagOptions['expected']>;
  /** Milliseconds between looks while the write takes long. */
  readonly interval: number;
  /** Looks at the tag. */
  read(): Promise<ImageSource | undefined>;
}

/** Copies an index with all that it names, and names it last. */
export async function copyAndTag(
  source: ImageSource,
  sink: ImageSink,
  tag: WriteTagOptions,
  options: CopyOptions,
): Promise<TagWrite> {
  let result: TagWrite = { written: true, blind: 0, others: [] };
  // No `tagged`: whoever writes has looked, and the sink looks again.
  const guarded: ImageSink = {
    has: (...args) => sink.has(...args),
    ...(sink.mount && { mount: (...args) => sink.mount!(...args) }),
    put: (...args) => sink.put(...args),
    async tag(_name, _descriptor, more) {
      result = await writeTag(source, sink, tag, more?.open);
    },
  };
  await copyImage(source, guarded, { ...options, tags: [tag.name] });
  return result;
}

/**
 * Names an index that was put before, and looks at the tag from time to time until that is done: a write may be held up
 * on its way, and then overwrites what nobody would find again.
 */
export async function writeTag(
  source: ImageSource,
  sink: ImageSink,
  tag: WriteTagOptions,
  open: TagOptions['open'] = () => source.read(source.root, { signal: tag.signal }),
): Promise<TagWrite> {
  const { name, expected, signal } = tag;
  const known = new Set([source.root.digest, expected === 'absent' ? '' : expected.digest]);
  const others = new Map<string, ImageSource>();
  let looked = performance.now();
  let blind = 0;
  const done = new AbortController();
  const looking = (async () => {
    while (await passes(tag.interval, done.signal)) {
      const began = performance.now();
      const now = await tag.read().catch(() => 'unknown' as const);
      if (now === 'unknown') continue;
      blind = Math.max(blind, performance.now() - looked);
      looked = began;
      if (now && !known.has(now.root.digest)) others.set(now.root.digest, now);
    }
  })();
  let written = true;
  try {
    await sink.tag(name, source.root, { open, expected, signal });
  } catch (error) {
    if (!isMabuildError(error) || error.code !== 'REGISTRY_TAG_MOVED') throw error;
    written = false;
  } finally {
    blind = Math.max(blind, performance.now() - looked);
    done.abort();
    await looking;
  }
  return { written, blind, others: [...others.values()] };
}

/** Waits; `false` when there is nothing to wait for any more. */
async function passes(milliseconds: number, signal: AbortSignal): Promise<boolean> {
  return sleep(milliseconds, true, { signal }).catch(() => false);
}
