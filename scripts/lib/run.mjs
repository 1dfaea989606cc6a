import { spawn } from 'node:child_process';

/**
 * Runs a command to its end and gives its standard output.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: Record<string, string | undefined>, show?: boolean, input?: string, signal?: AbortSignal }} [options]
 *   `show` passes output through instead of collecting it; `env` is added to the environment.
 * @returns {Promise<string>}
 * @throws Error with the command line, its exit code and the last lines of its output.
 */
export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      signal: options.signal,
      stdio: [
        options.input === undefined ? 'ignore' : 'pipe',
        ...(options.show ? ['inherit', 'inherit'] : ['pipe', 'pipe']),
      ],
    });
    let out = '';
    let both = '';
    child.stdout?.setEncoding('utf8').on('data', (text) => {
      out += text;
      both += text;
    });
    child.stderr?.setEncoding('utf8').on('data', (text) => {
      both += text;
    });
    if (options.input !== undefined) child.stdin?.end(options.input);
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (code === 0) return resolve(out);
      const tail = both.trimEnd().split('\n').slice(-20).join('\n');
      const line = [command, ...args].join(' ');
      reject(
        Object.assign(new Error(`${line}: ${signal ?? `exit ${code}`}${tail ? `\n${tail}` : ''}`), {
          code,
          output: both,
        }),
      );
    });
  });
}

/**
 * The full path of a command, or undefined.
 *
 * @param {string} name
 * @param {string} [path] directories as in PATH; Debian's sbin folders are always looked at too
 */
export async function which(name, path = process.env.PATH ?? '') {
  const { access, constants } = await import('node:fs/promises');
  const { join, delimiter } = await import('node:path');
  for (const folder of [...path.split(delimiter), '/usr/sbin', '/sbin']) {
    if (folder === '') continue;
    const file = join(folder, name);
    try {
      await access(file, constants.X_OK);
      return file;
    } catch {}
  }
  return undefined;
}
