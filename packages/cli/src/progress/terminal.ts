import type { Writable } from 'node:stream';
import { formatPlatform } from '@mabuild/oci';
import { formatBytes } from '../text/bytes.ts';
import { outputLines, withoutControls } from '../text/output-lines.ts';
import type { Paint } from '../text/paint.ts';
import { visible } from '../text/visible.ts';
import type { Progress, ProgressEvent } from './event.ts';
import { isWarning, plainLines } from './plain.ts';

const redrawMilliseconds = 100;
const tailLines = 4;

interface Block {
  readonly platform: string;
  step: string;
  since: number;
  tail: readonly string[];
  /** Bytes sent and total, per blob digest. */
  readonly blobs: Map<string, { sent: number; size: number }>;
  pushStarted: number | undefined;
  finished: boolean;
}

/** A block per platform: the running step, its last lines, bytes and speed of what is sent. */
export function terminalProgress(stream: Writable & { readonly columns?: number }, paint: Paint): Progress {
  const blocks = new Map<string, Block>();
  let drawn = 0;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  function blockFor(event: ProgressEvent): Block {
    const platform =
      'platform' in event && event.platform ? visible(formatPlatform(event.platform)) : 'image';
    let block = blocks.get(platform);
    if (!block) {
      block = {
        platform,
        step: '',
        since: Date.now(),
        tail: [],
        blobs: new Map(),
        pushStarted: undefined,
        finished: false,
      };
      blocks.set(platform, block);
    }
    return block;
  }

  function clear(): void {
    if (drawn > 0) stream.write(`\u001b[${drawn}A\u001b[J`);
    drawn = 0;
  }

  function draw(): void {
    timer = undefined;
    clear();
    const width = Math.max(20, (stream.columns ?? 80) - 1);
    const lines = [...blocks.values()].flatMap((block) => blockLines(block, paint, width));
    if (lines.length > 0) stream.write(`${lines.join('\n')}\n`);
    drawn = lines.length;
  }

  return {
    onEvent: (event) => {
      if (closed) return;
      if (isWarning(event)) {
        clear();
        for (const line of plainLines(event)) stream.write(`${paint.warning('warning:')} ${line}\n`);
      } else {
        update(blockFor(event), event);
      }
      timer ??= setTimeout(draw, redrawMilliseconds);
    },
    close: () => {
      clearTimeout(timer);
      if (closed) return;
      closed = true;
      draw();
    },
  };
}

function update(block: Block, event: ProgressEvent): void {
  if (event.type === 'task') {
    const { state, detail = state } = event;
    block.step = state === 'canceled' ? `canceled: ${detail}` : detail;
    block.tail = [];
    block.finished = state === 'finished' || state === 'failed' || state === 'canceled';
  } else if (event.type === 'step' && event.state !== 'done') {
    block.step = `${event.state === 'cached' ? 'CACHED ' : ''}${withoutControls(event.name)}`;
    block.since = Date.now();
    if (event.state === 'started') block.tail = [];
  } else if (event.type === 'log') {
    block.tail = [...block.tail, ...outputLines(event.text)].slice(-tailLines);
  } else if (event.type === 'blob') {
    block.pushStarted ??= Date.now();
    const sent = event.state === 'sending' ? event.bytes : event.descriptor.size;
    block.blobs.set(event.descriptor.digest, { sent, size: event.descriptor.size });
  }
}

function blockLines(block: Block, paint: Paint, width: number): string[] {
  const seconds = ((Date.now() - block.since) / 1000).toFixed(0);
  const first = block.finished
    ? `${block.platform} ${block.step}`
    : `${block.platform} ${block.step} ${seconds}s`;
  const lines = [paint.strong(first.slice(0, width))];
  if (!block.finished) for (const line of block.tail) lines.push(paint.faint(`  ${line}`.slice(0, width)));
  if (block.blobs.size > 0 && block.pushStarted !== undefined) {
    let sent = 0;
    let size = 0;
    for (const blob of block.blobs.values()) {
      sent += blob.sent;
      size += blob.size;
    }
    const elapsed = Math.max(0.001, (Date.now() - block.pushStarted) / 1000);
    lines.push(
      `  push ${formatBytes(sent)} of ${formatBytes(size)}, ${formatBytes(sent / elapsed)}/s`.slice(0, width),
    );
  }
  return lines;
}
