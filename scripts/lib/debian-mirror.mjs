import { run } from './run.mjs';

/** Where this machine gets Debian from. */
export async function debianMirror() {
  const format = '$(ORIGIN)|$(LABEL)|$(REPO_URI)';
  const lines = (await run('apt-get', ['indextargets', '--format', format])).split('\n');
  const own = lines
    .map((line) => line.split('|'))
    .find(([origin, label]) => origin === 'Debian' && label === 'Debian');
  if (own?.[2] === undefined) throw new Error('this machine knows no mirror of Debian');
  return own[2];
}
