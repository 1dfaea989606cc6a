import type { Agent, ClientRequest } from 'node:http';

/** An agent for one request of a library that hides its request, and what became of it. */
export interface WatchedAgent {
  readonly agent: Agent;
  /** Tells whether the request went over a connection that had served before. */
  reused(): boolean;
}

/** Watches which connection an agent gives to the next request. */
export function watchReuse(agent: Agent): WatchedAgent {
  let sent: ClientRequest | undefined;
  const inner = agent as Agent & { addRequest(request: ClientRequest, options: unknown): void };
  const watching = Object.create(inner, {
    addRequest: {
      value(request: ClientRequest, options: unknown) {
        sent = request;
        inner.addRequest(request, options);
      },
    },
  }) as Agent;
  return { agent: watching, reused: () => sent?.reusedSocket === true };
}

/** Ends the idle connections of an agent: where one was given up by the other side, the others most likely were too. */
export function dropIdle(agent: Agent): void {
  for (const sockets of Object.values(agent.freeSockets)) {
    for (const socket of sockets ?? []) {
      socket.destroy();
    }
  }
}
