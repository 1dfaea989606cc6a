import { spawn } from 'node:child_process';
import { connect, createServer } from 'node:net';

/**
 * Runs a command to its end and gives its wall-clock seconds.
 *
 * @param {readonly string[]} line command and arguments
 * @param {{ env?: Record<string, string | undefined>, cwd?: string }} [options] `env` is the whole environment
 * @returns {Promise<number>}
 */
export function timeCommand([command, ...args], options = {}) {
  return new Promise((resolve, reject) => {
    const began = performance.now();
    const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        output += text;
      });
    }
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve((performance.now() - began) / 1000);
      else reject(new Error(`${command} ${args.join(' ')}: exit ${code}\n${output.slice(-2000)}`));
    });
  });
}

/**
 * Seconds of each competitor over several rounds, in turns, so that what slows the machine down slows all.
 *
 * @param {Record<string, (round: number) => Promise<number>>} competitors
 * @param {number} rounds
 * @returns {Promise<Record<string, number[]>>}
 */
export async function inTurns(competitors, rounds) {
  const seconds = Object.fromEntries(Object.keys(competitors).map((name) => [name, []]));
  for (let round = 1; round <= rounds; round++) {
    for (const [name, run] of Object.entries(competitors)) seconds[name].push(await run(round));
  }
  return seconds;
}

/** @param {readonly number[]} values */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * Prints medians, spread and ratios to the first competitor's peers.
 *
 * @param {string} title
 * @param {Record<string, readonly number[]>} seconds the first entry is ours
 */
export function printTable(title, seconds) {
  const [ours = '', ...others] = Object.keys(seconds);
  console.log(`\n${title}`);
  for (const [name, values] of Object.entries(seconds)) {
    const range = `${Math.min(...values).toFixed(3)}–${Math.max(...values).toFixed(3)}`;
    console.log(
      `  ${name.padEnd(24)} median ${median(values).toFixed(3)} s   (${range}, n=${values.length})`,
    );
  }
  for (const other of others) {
    console.log(`  ${ours} / ${other}: ${(median(seconds[ours]) / median(seconds[other])).toFixed(2)}`);
  }
}

/**
 * A proxy in front of a loopback service that counts what is sent to it.
 *
 * @param {string} target `127.0.0.1:PORT`
 * @returns {Promise<{ host: string, sent(): number, close(): Promise<void> }>}
 */
export async function countBytesTo(target) {
  const [address, port] = target.split(':');
  let bytes = 0;
  const open = new Set();
  const server = createServer((client) => {
    const service = connect(Number(port), address);
    for (const [socket, other] of [
      [client, service],
      [service, client],
    ]) {
      open.add(socket);
      socket.on('error', () => other.destroy()).on('close', () => open.delete(socket));
      socket.pipe(other);
    }
    client.on('data', (chunk) => {
      bytes += chunk.length;
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    host: `127.0.0.1:${server.address().port}`,
    sent: () => bytes,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of open) socket.destroy();
      }),
  };
}
