import { cp, mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inTurns, median, printTable, timeCommand } from './measure.mjs';

/** The peer: a linter of Dockerfiles over the same parser library, which looks for other things. */
const peer = { name: 'dockerfile-utils', version: '0.16.3' };
const lines = 10_000;

/** Reads every file of a folder and lints it, in one process. */
const peerProgram = `
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
const [home, folder] = process.argv.slice(2);
const { validate } = createRequire(join(home, 'package.json'))('${peer.name}');
let found = 0;
for (const name of readdirSync(folder, { recursive: true })) {
  const path = join(folder, name);
  if (!statSync(path).isFile()) continue;
  try {
    found += validate(readFileSync(path, 'utf8')).length;
  } catch {
    found += 1;
  }
}
console.log(found);
`;

/**
 * Times `mabuild check` over the plain Dockerfiles of the shared corpora, once and eight times over, beside a linter over
 * the same files, and over one Dockerfile of 10,000 lines.
 *
 * @param {{ dir: string, corpus: string, mabuild: readonly string[], rounds: number }} options `dir`: an empty folder
 */
export async function benchCheck({ dir, corpus, mabuild, rounds }) {
  const plain = join(corpus, 'plain');
  if (!(await stat(plain).catch(() => undefined))) {
    console.log('\ncheck: the shared corpora are not here');
    return;
  }
  const count = (await readdir(plain)).length;
  const many = join(dir, 'many');
  for (let copy = 0; copy < 8; copy++) await cp(plain, join(many, String(copy)), { recursive: true });
  const check = (path) =>
    timeCommand([...mabuild, 'check', '--offline', '--format', 'json', '--failure-threshold', 'none', path]);
  const lint = await preparePeer(dir);
  for (const [title, folder, files] of [
    [`check of ${count} Dockerfiles, start-up included`, plain, count],
    [`check of ${8 * count} Dockerfiles`, many, 8 * count],
  ]) {
    const seconds = await inTurns(
      { mabuild: () => check(folder), ...(lint ? { [peer.name]: () => lint(folder) } : {}) },
      rounds,
    );
    printTable(title, seconds);
    for (const [name, values] of Object.entries(seconds)) {
      console.log(`  ${name}: ${Math.round(files / median(values)).toLocaleString('en')} files/s`);
    }
  }
  const long = join(dir, 'long.Dockerfile');
  await writeFile(long, longDockerfile(lines));
  printTable(
    `check of one Dockerfile of ${lines.toLocaleString('en')} lines, start-up included`,
    await inTurns({ mabuild: () => check(long) }, rounds),
  );
}

/** Installs the peer; without the network there is none. */
async function preparePeer(dir) {
  const home = join(dir, 'peer');
  await mkdir(home);
  await writeFile(join(home, 'package.json'), '{ "private": true }');
  const program = join(home, 'lint.mjs');
  await writeFile(program, peerProgram);
  try {
    const spec = `${peer.name}@${peer.version}`;
    await timeCommand(['npm', 'install', '--no-audit', '--no-fund', '--ignore-scripts', spec], { cwd: home });
  } catch {
    console.log(`\ncheck: ${peer.name} could not be installed, so there is no peer`);
    return undefined;
  }
  return (folder) => timeCommand([process.execPath, program, home, folder]);
}

/** Stages, variables that stand on each other, downloads, copies: each line makes work for a rule. */
export function longDockerfile(count) {
  const made = ['ARG BASE=debian:13'];
  for (let line = 0; made.length < count; line++) {
    if (line % 1000 === 0)
      made.push(`FROM ${line === 0 ? `\${BASE}` : `s${line / 1000 - 1}`} AS s${line / 1000}`);
    const kinds = [
      `ENV V${line}=\${V${line - 5}:-1}`,
      `RUN curl -fsSLO https://host.example/v\${V${line - 1}}/tool-linux-amd64-${line}.tar.gz`,
      `COPY --from=s0 /usr/lib/x86_64-linux-gnu/lib${line}.so /lib/`,
      `RUN apt-get update && apt-get install -y --no-install-recommends package${line}`,
      `LABEL line${line}="\${V${line - 4}}"`,
    ];
    made.push(kinds[line % kinds.length]);
  }
  return `${made.join('\n')}\n`;
}
