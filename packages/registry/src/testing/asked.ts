import type { IncomingMessage } from 'node:http';
import type { KnownBehaviour } from './behaviour.ts';
import type { Contents } from './contents.ts';
import type { Route } from './phase.ts';

/** A request, and what it is to be answered from. */
export interface Asked extends Route {
  readonly url: URL;
  readonly request: IncomingMessage;
  readonly contents: Contents;
  readonly behaviour: KnownBehaviour;
}
