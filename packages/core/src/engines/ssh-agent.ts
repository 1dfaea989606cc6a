import { once } from 'node:events';
import { connect } from 'node:net';

/** `SSH_AGENTC_REQUEST_IDENTITIES`, `SSH_AGENTC_SIGN_REQUEST`: draft-ietf-sshm-ssh-agent, "Protocol Messages". */
const allowed: ReadonlySet<number> = new Set([11, 13]);
/** A message that holds `SSH_AGENT_FAILURE` alone. */
const refusal = Buffer.from([0, 0, 0, 1, 5]);
/** As OpenSSH has it, bytes. */
const largestMessage = 256 * 1024;

/**
 * Passes what a build asks an SSH agent on to it: which keys there are, and to sign. Whatever would change the agent is
 * refused, as docker's client refuses it.
 *
 * @param requests what the build's side sends; when it ends, so does this
 * @param socket path of the agent's socket
 */
export async function relayAgent(
  requests: AsyncIterable<Uint8Array>,
  answer: (bytes: Uint8Array) => Promise<void> | void,
  socket: string,
): Promise<void> {
  const agent = connect({ path: socket });
  try {
    await once(agent, 'connect');
    agent.on('error', () => {
      // Reading its answers fails too, and tells.
    });
    const answers = messagesOf(agent);
    for await (const request of messagesOf(requests)) {
      if (!allowed.has(request[4] ?? 0)) {
        await answer(refusal);
        continue;
      }
      agent.write(request);
      const { value, done } = await answers.next();
      if (done) return;
      await answer(value);
    }
  } finally {
    agent.destroy();
  }
}

/** Messages with their lengths before them, whole. */
async function* messagesOf(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer, undefined> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of stream) {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 4) {
      const end = 4 + rest.readUInt32BE(0);
      if (end > largestMessage) throw new Error('a message of an SSH agent is too large');
      if (rest.length < end) break;
      yield rest.subarray(0, end);
      rest = rest.subarray(end);
    }
  }
  return undefined;
}
