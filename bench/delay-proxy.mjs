// A TCP proxy that adds a round trip, for measuring what distance costs: node bench/delay-proxy.mjs HOST:PORT MILLISECONDS
// prints the address that it listens on. Bandwidth is not limited; a new connection costs a round trip more, as TCP's own does.
import { connect, createServer } from 'node:net';

const [target = '', milliseconds = '40'] = process.argv.slice(2);
const [address, port] = target.split(':');
const oneWay = Number(milliseconds) / 2;

const server = createServer({ noDelay: true, pauseOnConnect: true }, (client) => {
  // The greeting's way there and back.
  setTimeout(() => {
    const service = connect({ host: address, port: Number(port), noDelay: true });
    delay(client, service);
    delay(service, client);
    client.resume();
  }, oneWay * 2);
});
server.listen(0, '127.0.0.1', () => console.log(`127.0.0.1:${server.address().port}`));

/** Passes bytes on later; not more than 64 MB are on the way. */
function delay(from, to) {
  let waiting = 0;
  from.on('data', (chunk) => {
    waiting += chunk.length;
    if (waiting > 64_000_000) from.pause();
    setTimeout(() => {
      waiting -= chunk.length;
      if (waiting < 64_000_000 && from.isPaused()) from.resume();
      if (!to.destroyed) to.write(chunk);
    }, oneWay);
  });
  from.on('end', () => setTimeout(() => to.end(), oneWay));
  from.on('error', () => setTimeout(() => to.destroy(), oneWay));
}
