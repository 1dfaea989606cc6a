import type { Writable } from 'node:stream';
import { formatPlatform } from '@mabuild/oci';
import { formatBytes } from '../text/bytes.ts';
import { outputLines, withoutControls } from '../text/output-lines.ts';
import type { Paint } from '../text/paint.ts';
import { visible } from '../text/visible.ts';
import type { Progress, ProgressEvent } from './event.ts';

/** Milliseconds that a step has to end in for it to be told in one line. */
const patience = 200;

/** Lines that never change once written, each with its platform in front. */
export function plainProgress(stream: Writable, paint: Paint): Progress {
  const begun = new Map<string, { readonly tell: () => void; readonly timer: NodeJS.Timeout }>();
  const write = (event: ProgressEvent): void => {
    for (const line of plainLines(event)) {
      stream.write(isWarning(event) ? `${paint.warning('warning:')} ${line}\n` : `${line}\n`);
    }
  };
  const end = (key: string, told: boolean): void => {
    const step = begun.get(key);
    if (!step) return;
    clearTimeout(step.timer);
    begun.delete(key);
    if (told) step.tell();
  };
  return {
    onEvent: (event) => {
      const key = 'id' in event ? `${formatPlatform(event.platform)} ${event.id}` : undefined;
      if (key === undefined || event.type === 'status') return write(event);
      if (event.type === 'step' && event.state === 'started') {
        end(key, true);
        const timer = setTimeout(() => end(key, true), patience);
        begun.set(key, { tell: () => write(event), timer });
        return;
      }
      // A cached step is told of by its own line.
      end(key, event.type !== 'step' || event.state !== 'cached');
      write(event);
    },
    close: () => {
      for (const key of [...begun.keys()]) end(key, true);
    },
  };
}

/** Events that people should not miss among the others. */
export function isWarning(event: ProgressEvent): boolean {
  return (
    event.type === 'warning' || event.type === 'registry-retry' || event.type === 'registry-mirror-skipped'
  );
}

/** The lines that one event is worth, fit for a terminal; none for byte counts on the way. */
export function plainLines(event: ProgressEvent): readonly string[] {
  // Platforms, tags and reasons are what registries and images say.
  return linesOf(event).map(visible);
}

function linesOf(event: ProgressEvent): readonly string[] {
  const prefix = 'platform' in event && event.platform ? `[${formatPlatform(event.platform)}] ` : '';
  switch (event.type) {
    case 'task':
      return [`${prefix}${event.state}${event.detail ? `: ${event.detail}` : ''}`];
    case 'step':
      if (event.state === 'started') return [`${prefix}${withoutControls(event.name)}`];
      if (event.state === 'cached') return [`${prefix}CACHED ${withoutControls(event.name)}`];
      if (event.state === 'failed')
        return event.error === undefined
          ? [`${prefix}CANCELED ${withoutControls(event.name)}`]
          : [`${prefix}FAILED ${withoutControls(event.name)}: ${event.error}`];
      // Of what took no time, that it has been is all there is to say.
      return event.seconds === undefined || event.seconds < 0.05
        ? []
        : [`${prefix}done in ${event.seconds.toFixed(1)} s: ${withoutControls(event.name)}`];
    case 'log':
      return outputLines(event.text).map((line) => `${prefix}  ${line}`);
    case 'status':
      return [];
    case 'warning':
      return [`${prefix}${event.message}`];
    case 'blob':
      if (event.state === 'sending') return [];
      return [
        `${prefix}${event.state} ${event.descriptor.digest.slice(0, 19)} ${formatBytes(event.descriptor.size)}`,
      ];
    case 'registry-retry':
      return [retryLine(event)];
    case 'registry-mirror-skipped':
      return [`${event.registry}: mirror ${event.mirror} is passed over: ${event.reason}`];
    default:
      return [];
  }
}

/** What is waited for, and whose wish it is. */
function retryLine(event: Extract<ProgressEvent, { readonly type: 'registry-retry' }>): string {
  const { attempt, attempts, delay, asked, retryAfter = delay, rateLimit } = event;
  const seconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(1)} s`;
  const { remaining, limit } = rateLimit ?? {};
  const left = remaining === undefined || limit === undefined ? remaining : `${remaining} of ${limit}`;
  const reason = left === undefined ? event.reason : `${event.reason} (${left} requests left)`;
  const wish =
    retryAfter > delay ? `, though the registry asks for ${seconds(retryAfter)}` : ', as the registry asks';
  return `${event.host}: ${event.doing}: ${reason}; attempt ${attempt + 1} of ${attempts} in ${seconds(delay)}${asked ? wish : ''}`;
}
