import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** Two ends of one connection over loopback. */
export async function socketPair(): Promise<readonly [Socket, Socket]> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const one = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [[other]] = (await Promise.all([once(server, 'connection'), once(one, 'connect')])) as [
    [Socket],
    unknown,
  ];
  server.close();
  for (const socket of [one, other]) socket.on('error', () => {});
  return [one, other];
}
