import { parsePlatform } from '@mabuild/oci';
import type { EngineMessage } from '../../packages/core/src/engines/docker/messages.ts';
import type { EngineBuild } from '../../packages/core/src/engines/engine.ts';
import type { BuildEvent } from '../../packages/core/src/events.ts';

/** A build that asks for nothing special, with the classic builder unless `more` names another one. */
export function engineBuild(
  platform: string,
  dockerfile: string,
  more: Partial<EngineBuild> = {},
): EngineBuild {
  return {
    builder: 'classic',
    platform: parsePlatform(platform),
    dockerfile,
    addedFiles: [],
    buildArgs: {},
    labels: {},
    noCache: false,
    pull: false,
    network: 'default',
    bases: [],
    ...more,
  };
}

interface Follower {
  take(message: EngineMessage): void;
  finish(endpoint: string): string;
}

/** What a follower makes of an engine's messages: events, a line each, and the image or the error. */
export function followed(
  open: (emit: (event: BuildEvent) => void) => Follower,
  messages: readonly EngineMessage[],
): { events: string[]; id?: string; error?: unknown } {
  const events: string[] = [];
  const follower = open((event) => void events.push(told(event)));
  try {
    for (const message of messages) follower.take(message);
    return { events, id: follower.finish('unix:///e.sock') };
  } catch (error) {
    return { events, error };
  }
}

function told(event: BuildEvent): string {
  if (event.type === 'step') return `${event.id} ${event.state}: ${event.name}`;
  if (event.type === 'log') return `${event.id} ${event.stream}: ${event.text}`;
  if (event.type === 'status') return `${event.id} ${event.name} ${event.current}/${event.total}`;
  return event.type === 'warning' ? `warning: ${event.message}` : event.type;
}
