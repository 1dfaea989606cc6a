import type { BuildSecrets } from '../../build-secrets.ts';
import { relayAgent } from '../../ssh-agent.ts';
import { type GrpcCall, GrpcError, type GrpcHandler, grpcStatus } from './grpc.ts';
import { bytesField, readFields, textOf } from './protobuf.ts';

/**
 * What BuildKit asks for `RUN --mount=type=secret` and `type=ssh`, by the paths of its services.
 * @param onFailure told when a secret cannot be read: BuildKit would say only that a call failed
 */
export function secretHandlers(
  secrets: BuildSecrets,
  onFailure: (error: unknown) => void,
): readonly (readonly [string, GrpcHandler])[] {
  const socketOf = (id: string): string => {
    const socket = secrets.agent(id || 'default');
    if (socket === undefined) throw new GrpcError(grpcStatus.notFound, `unset ssh forward key ${id}`);
    return socket;
  };
  return [
    [
      '/moby.buildkit.secrets.v1.Secrets/GetSecret',
      async (call) => {
        const id = await idIn(call);
        const content = await secrets.secret(id).catch((error: unknown) => {
          onFailure(error);
          throw error;
        });
        if (content === undefined) throw new GrpcError(grpcStatus.notFound, `secret ${id}: not found`);
        await call.send(bytesField(1, content));
      },
    ],
    [
      '/moby.sshforward.v1.SSH/CheckAgent',
      async (call) => {
        socketOf(await idIn(call));
        await call.send(Buffer.alloc(0));
      },
    ],
    [
      '/moby.sshforward.v1.SSH/ForwardAgent',
      async (call) => {
        const socket = socketOf(call.values('buildkit.ssh.id')[0] ?? '');
        await relayAgent(bytesOf(call), (bytes) => call.send(bytesField(1, bytes)), socket);
      },
    ],
  ];
}

/** The ID of a GetSecretRequest and of a CheckAgentRequest. */
async function idIn(call: GrpcCall): Promise<string> {
  let id = '';
  for await (const message of call.messages())
    for (const field of readFields(message)) if (field.number === 1) id = textOf(field);
  return id;
}

/** The bytes inside BytesMessages. */
async function* bytesOf(call: GrpcCall): AsyncGenerator<Uint8Array> {
  for await (const message of call.messages())
    for (const field of readFields(message))
      if (field.number === 1 && field.kind === 'bytes') yield field.value;
}
