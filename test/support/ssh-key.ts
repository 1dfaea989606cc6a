import { execFileSync } from 'node:child_process';

/** Makes a key without a passphrase. */
export function makeSshKey(file: string, comment: string): void {
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', comment, '-f', file]);
}
