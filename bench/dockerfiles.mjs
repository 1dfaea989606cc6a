import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Parses every Dockerfile of the shared corpora and prints the time for all of them.
 *
 * @param {{ corpus: string, core: typeof import('@mabuild/core') }} options `corpus`: folder; nothing is printed without it
 */
export async function benchDockerfiles({ corpus, core }) {
  const names = await readdir(corpus, { recursive: true }).catch(() => undefined);
  if (names === undefined) {
    console.log('\nDockerfiles: the shared corpora are not here');
    return;
  }
  const files = names.filter((name) => /dockerfile/i.test(name) && !/\.(json|md)$/.test(name));
  const texts = [];
  for (const name of files) texts.push(await readFile(join(corpus, name), 'utf8').catch(() => undefined));
  const readable = texts.filter((text) => text !== undefined);
  const bytes = readable.reduce((sum, text) => sum + text.length, 0);
  let refused = 0;
  const began = performance.now();
  for (const text of readable) {
    try {
      core.parseDockerfile(text);
    } catch {
      refused += 1;
    }
  }
  const seconds = (performance.now() - began) / 1000;
  console.log(
    `\nDockerfiles: ${readable.length} (${(bytes / 1e6).toFixed(1)} MB) parsed in ${seconds.toFixed(3)} s, ${refused} refused`,
  );
}
