import { addAbortSignal } from 'node:stream';
import { MabuildError } from '@mabuild/oci';
import type { Io } from '../io.ts';
import { Command, type CommandHost } from './command.ts';
import { type GlobalOptions, sdkOptions } from './options.ts';

interface LoginOptions extends GlobalOptions {
  readonly username?: string;
  readonly passwordStdin?: boolean;
}

const example = 'mabuild login ghcr.io -u USER --password-stdin < token.txt';

/** `mabuild login REGISTRY -u USER --password-stdin` */
export function loginCommand({ io }: CommandHost): Command {
  return new Command('login')
    .description('sign in at a registry, and keep the password where docker would')
    .argument('<registry>', 'HOST or HOST:PORT; Docker Hub is docker.io')
    .option('-u, --username <user>', 'user name')
    .option('--password-stdin', 'read the password or access token from standard input')
    .addHelpText('after', `\nExample:\n  ${example}`)
    .action(async (registry: string, options: LoginOptions) => {
      if (options.username === undefined || options.passwordStdin !== true) {
        const missing = options.username === undefined ? '-u USER' : '--password-stdin';
        throw new MabuildError(`login needs ${missing}`, { code: 'USAGE', hint: `e.g. ${example}` });
      }
      const password = await readPassword(io);
      const { login } = await import('../sdk/credentials/login.ts');
      const request = { registry, username: options.username, password };
      const result = await login(request, await sdkOptions(io, options));
      if (result.stored.kind === 'file') {
        io.stderr.write(
          `warning: ${result.stored.file} holds the password unencrypted; a credential helper (credsStore in that file) would keep it safe\n`,
        );
      }
      if (result.hiddenBy !== undefined) {
        io.stderr.write(
          `warning: ${result.hiddenBy} holds other credentials of ${result.registry}, which win\n`,
        );
      }
      io.stdout.write(`signed in to ${result.registry} as ${result.username}\n`);
    });
}

/** Bytes; what is longer is no password, and standard input may have no end. */
const longestPassword = 1024 * 1024;

/** All of standard input without the end of its last line. */
async function readPassword(io: Io): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of addAbortSignal(io.signal, io.stdin) as AsyncIterable<Buffer | string>) {
    chunks.push(Buffer.from(chunk as string));
    size += chunk.length;
    if (size > longestPassword) {
      throw new MabuildError('the password on standard input is longer than 1 MiB', { code: 'USAGE' });
    }
  }
  const password = Buffer.concat(chunks)
    .toString()
    .replace(/\r?\n$/, '');
  if (password !== '') return password;
  throw new MabuildError('standard input holds no password', { code: 'USAGE', hint: `e.g. ${example}` });
}
