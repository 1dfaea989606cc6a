import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { which } from './run.mjs';

/**
 * Starts a long-running process with its output in a log file. It gets SIGTERM when this process dies, however it dies.
 *
 * @param {string} name for messages
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ log: string, env?: Record<string, string> }} options `log`: path of the log file
 */
export async function startProcess(name, command, args, { log, env }) {
  const setpriv = process.platform === 'linux' ? await which('setpriv') : undefined;
  const line =
    setpriv === undefined ? [command, ...args] : [setpriv, '--pdeathsig', 'TERM', command, ...args];
  // A group of its own, so that Ctrl-C in a terminal reaches only us and we stop things in order.
  const child = spawn(line[0], line.slice(1), {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  const sink = createWriteStream(log);
  child.stdout.pipe(sink, { end: false });
  child.stderr.pipe(sink, { end: false });
  const ended = new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(signal ?? `exit ${code}`));
  }).then((how) => {
    sink.end();
    return how;
  });
  let exit;
  ended.then((how) => {
    exit = how;
  });

  return {
    /** Waits until `check` answers true; rejects with the log's last lines when the process ends or 30 s pass. */
    async ready(check) {
      const end = Date.now() + 30_000;
      while (!(await check().catch(() => false))) {
        if (exit !== undefined || Date.now() > end) {
          throw new Error(`${name} did not start (${exit ?? 'no answer in 30 s'})\n${await tail(log)}`);
        }
        await pause(50);
      }
    },
    /** Ends the process and, after `grace` milliseconds, its whole group the hard way. */
    async stop(grace = 15_000) {
      if (exit !== undefined || child.pid === undefined) return;
      child.kill('SIGTERM');
      const forced = setTimeout(() => killGroup(child.pid), grace);
      await ended;
      clearTimeout(forced);
      killGroup(child.pid);
    },
  };
}

/**
 * Runs a command with our terminal to its end; it does not outlive this process.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: Record<string, string | undefined> }} options `env` is the whole environment
 * @returns {Promise<number | string>} the exit code, or the signal that ended it
 */
export function runInForeground(command, args, options) {
  const child = spawn(command, args, { ...options, stdio: 'inherit' });
  const kill = () => child.kill('SIGTERM');
  process.once('exit', kill);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      process.off('exit', kill);
      resolve(code ?? signal);
    });
  });
}

/**
 * The last lines of a log.
 *
 * @param {string} file
 */
export async function tail(file, lines = 30) {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text.trimEnd().split('\n').slice(-lines).join('\n');
}

/** A TCP port of the loopback interface that nothing listens on now. */
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

export function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

function killGroup(pid) {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {}
}
