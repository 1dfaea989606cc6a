import type { Writable } from 'node:stream';
import { formatPlatform } from '@mabuild/oci';
import type { Paint } from '../formatters/paint.ts';
import { visible } from '../formatters/visible.ts';
import type { Progress, ProgressEvent } from './event.ts';
import { formatBytes, outputLines, withoutControls } from './text.ts';

/** Lines that never change once written, each with its platform in front. */
export function plainProgress(stream: Writable, paint: Paint): Progress {
  return {
    onEvent: (event) => {
      for (const line of plainLines(event)) {
        stream.write(isWarning(event) ? `${paint.warning('warning:')} ${line}\n` : `${line}\n`);
      }
    },
    close: () => {},
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
      return event.seconds === undefined
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
