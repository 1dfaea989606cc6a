import { inTurns, printTable, timeCommand } from './measure.mjs';

/**
 * How long the command takes to say its version, against Node doing nothing.
 *
 * @param {{ mabuild: readonly string[], rounds: number }} options
 */
export async function benchStartup({ mabuild, rounds }) {
  const lines = {
    'mabuild --version': [...mabuild, '--version'],
    'node -e 0': [process.execPath, '-e', '0'],
  };
  for (const line of Object.values(lines)) await timeCommand(line);
  const competitors = Object.fromEntries(
    Object.entries(lines).map(([name, line]) => [name, () => timeCommand(line)]),
  );
  printTable('start-up', await inTurns(competitors, rounds));
}
