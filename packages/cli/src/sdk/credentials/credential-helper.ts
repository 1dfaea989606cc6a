import { spawn } from 'node:child_process';
import { type CallOptions, type Credential, dockerHubAddress, isDockerHub, MabuildError } from '@mabuild/oci';

export interface CredentialHelperOptions extends CallOptions {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The file that names the helper, for errors. */
  readonly file: string;
}

/**
 * Asks `docker-credential-NAME get` for the credential of a registry host: docker-credential-helpers, "Usage".
 * @returns `undefined` when it has none.
 * @throws MabuildError `CREDENTIAL_HELPER_FAILED`.
 */
export async function askCredentialHelper(
  name: string,
  host: string,
  options: CredentialHelperOptions,
): Promise<Credential | undefined> {
  const server = serverOf(host);
  const doing = `asking docker-credential-${name} for the credential of ${server}`;
  const output = await runHelper(name, { action: 'get', input: server, doing }, options);
  if (output === undefined) {
    return undefined;
  }
  let answer: { Username?: unknown; Secret?: unknown } | null;
  try {
    answer = JSON.parse(output);
  } catch {
    throw failed(doing, 'its answer is not JSON', options);
  }
  const { Username: username, Secret: secret } = answer ?? {};
  if (typeof username !== 'string' || typeof secret !== 'string') {
    throw failed(doing, 'its answer has no Username and Secret', options);
  }
  if (secret === '') {
    return undefined;
  }
  return username === '<token>'
    ? { kind: 'identity-token', token: secret }
    : { kind: 'basic', username, password: secret };
}

/** Gives a helper a password to keep. @throws MabuildError `CREDENTIAL_HELPER_FAILED`. */
export async function storeInCredentialHelper(
  name: string,
  host: string,
  credential: { readonly username: string; readonly password: string },
  options: CredentialHelperOptions,
): Promise<void> {
  const server = serverOf(host);
  const doing = `storing the credential of ${server} with docker-credential-${name}`;
  const input = { ServerURL: server, Username: credential.username, Secret: credential.password };
  const task = { action: 'store', input: JSON.stringify(input), doing, secret: credential.password } as const;
  await runHelper(name, task, options);
}

/** Makes a helper forget a host. @returns whether it knew it. @throws MabuildError `CREDENTIAL_HELPER_FAILED`. */
export async function eraseFromCredentialHelper(
  name: string,
  host: string,
  options: CredentialHelperOptions,
): Promise<boolean> {
  const server = serverOf(host);
  // Most helpers are silent when there is nothing to erase.
  const known = await askCredentialHelper(name, host, options);
  const doing = `erasing the credential of ${server} with docker-credential-${name}`;
  const erased =
    known === undefined
      ? undefined
      : await runHelper(name, { action: 'erase', input: server, doing }, options);
  return erased !== undefined;
}

/** What docker calls a registry when it talks to a helper. */
function serverOf(host: string): string {
  return isDockerHub(host) ? dockerHubAddress : host;
}

interface HelperTask {
  readonly action: 'get' | 'store' | 'erase';
  readonly input: string;
  /** In words, for errors. */
  readonly doing: string;
  /** What errors must not repeat. */
  readonly secret?: string;
}

/** @returns what it printed; `undefined` when it says that it knows nothing of the server. */
async function runHelper(
  name: string,
  { action, input, doing, secret }: HelperTask,
  options: CredentialHelperOptions,
): Promise<string | undefined> {
  const { environment, signal } = options;
  signal?.throwIfAborted();
  if (/[/\\\0]/.test(name)) {
    throw failed(doing, 'its name holds a slash', options);
  }
  const { status, output } = await run(`docker-credential-${name}`, action, input, environment, signal).catch(
    (cause) => {
      signal?.throwIfAborted();
      const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
      const why = missing ? 'there is no such program in PATH' : 'it could not be started';
      throw failed(doing, why, options);
    },
  );
  if (status === 0) {
    return output;
  }
  if (action !== 'store' && /credentials not found/i.test(output)) {
    return undefined;
  }
  // Helpers put the reason on standard output; only its first line, in case that secrets follow.
  const [reason = ''] = output.trim().split('\n', 1);
  const quotes = secret !== undefined && secret !== '' && reason.includes(secret);
  throw failed(doing, `it ended with ${status}${quotes ? '' : `: ${reason.slice(0, 200)}`}`, options);
}

function run(
  program: string,
  action: string,
  input: string,
  environment: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal | undefined,
): Promise<{ status: number | string; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, [action], {
      env: { ...environment },
      stdio: ['pipe', 'pipe', 'ignore'],
      windowsHide: true,
      ...(signal !== undefined && { signal }),
    });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    child.once('error', reject);
    child.once('close', (code, killed) => resolve({ status: code ?? killed ?? 'nothing', output }));
    // A helper that reads nothing closes its end.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}

function failed(doing: string, why: string, { file }: CredentialHelperOptions): MabuildError {
  return new MabuildError(`${doing}: ${why}`, {
    code: 'CREDENTIAL_HELPER_FAILED',
    hint: `install the helper, or take it out of ${file} and sign in again`,
  });
}
