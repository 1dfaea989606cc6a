import { spawn } from 'node:child_process';
import { type CallOptions, type Credential, MabuildError } from '@mabuild/oci';

export interface CredentialHelperOptions extends CallOptions {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The file that names the helper, for errors. */
  readonly file: string;
}

/**
 * Asks `docker-credential-NAME get` for the credential of a server: docker-credential-helpers, "Usage".
 * @returns `undefined` when it has none.
 * @throws MabuildError `CREDENTIAL_HELPER_FAILED`.
 */
export async function askCredentialHelper(
  name: string,
  server: string,
  { environment, file, signal }: CredentialHelperOptions,
): Promise<Credential | undefined> {
  signal?.throwIfAborted();
  if (/[/\\\0]/.test(name)) {
    throw failed(name, server, 'its name holds a slash', file);
  }
  const { status, output } = await run(`docker-credential-${name}`, server, environment, signal).catch(
    (cause) => {
      signal?.throwIfAborted();
      const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
      throw failed(
        name,
        server,
        missing ? 'there is no such program in PATH' : 'it could not be started',
        file,
      );
    },
  );
  if (status !== 0) {
    if (/credentials not found/i.test(output)) {
      return undefined;
    }
    // Helpers put the reason on standard output; only its first line, in case that secrets follow.
    throw failed(
      name,
      server,
      `it ended with ${status}: ${output.trim().split('\n', 1)[0]?.slice(0, 200)}`,
      file,
    );
  }
  let answer: { Username?: unknown; Secret?: unknown } | null;
  try {
    answer = JSON.parse(output);
  } catch {
    throw failed(name, server, 'its answer is not JSON', file);
  }
  const { Username: username, Secret: secret } = answer ?? {};
  if (typeof username !== 'string' || typeof secret !== 'string') {
    throw failed(name, server, 'its answer has no Username and Secret', file);
  }
  if (secret === '') {
    return undefined;
  }
  return username === '<token>'
    ? { kind: 'identity-token', token: secret }
    : { kind: 'basic', username, password: secret };
}

function run(
  program: string,
  input: string,
  environment: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal | undefined,
): Promise<{ status: number | string; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, ['get'], {
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

function failed(name: string, server: string, why: string, file: string): MabuildError {
  return new MabuildError(`asking docker-credential-${name} for the credential of ${server}: ${why}`, {
    code: 'CREDENTIAL_HELPER_FAILED',
    hint: `install the helper, or take it out of ${file} and sign in again`,
  });
}
