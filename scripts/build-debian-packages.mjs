// Rebuilds packages/core/src/knowledge/debian-packages.data.ts from Debian's own lists of packages.
//   node --conditions=@mabuild/source --import=tsx scripts/build-debian-packages.mjs FOLDER
// FOLDER holds, for each suite, FOLDER/<suite>/lists with what `apt-get update` writes there for these architectures
// (`-o Dir::State=FOLDER/<suite> -o APT::Architectures=amd64,arm64,armhf,armel -o Acquire::Languages=none`).
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants } from 'node:zlib';
import { findX86Package } from '../packages/core/src/knowledge/distro-packages.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const [folder] = process.argv.slice(2);
if (!folder) throw new Error('usage: node scripts/build-debian-packages.mjs FOLDER');
const suites = ['bullseye', 'bookworm', 'trixie'];
const architectures = ['arm64', 'armhf', 'armel'];
// Nobody names these in a Dockerfile: libraries that only builds of Debian's own packages use, and debug symbols.
const leftOut =
  /^(?:librust-|libghc-)|-dbg(?:sym)?$|^linux-(?:image|headers|kbuild|perf|tools|modules)-\d|-signed-template$/;

/** The names of packages of a suite and architecture, and what they provide; `undefined` when it has none. */
function names(suite, architecture) {
  const lists = join(folder, suite, 'lists');
  const files = readdirSync(lists).filter((name) => name.includes(`_binary-${architecture}_Packages`));
  if (files.length === 0) return undefined;
  const helper = '/usr/lib/apt/apt-helper';
  if (!existsSync(helper)) throw new Error(`${helper} is needed: it unpacks the lists`);
  const real = new Set();
  const provided = new Set();
  for (const file of files) {
    const text = execFileSync(helper, ['cat-file', join(lists, file)], { maxBuffer: 2 ** 30 }).toString();
    for (const [, name] of text.matchAll(/^Package: (\S+)$/gm)) if (!leftOut.test(name)) real.add(name);
    for (const [, list] of text.matchAll(/^Provides: (.*)$/gm)) {
      for (const item of list.split(',')) provided.add(item.trim().split(/[ :]/)[0]);
    }
  }
  return { real, provided };
}

const platforms = { arm64: 'linux/arm64', armhf: 'linux/arm/v7', armel: 'linux/arm/v6' };

/** The table that is kept by hand must not deny what Debian has. */
function check(suite, architecture, own) {
  for (const name of own) {
    const item = findX86Package('apt', name);
    if (item && !item.platforms.includes(platforms[architecture]))
      throw new Error(`distro-packages.ts says that ${name} is not for ${architecture}, but ${suite} has it`);
  }
}

const columns = [];
const missing = new Map();
const counts = [];
for (const suite of suites) {
  const amd64 = names(suite, 'amd64');
  if (!amd64) throw new Error(`no lists of ${suite} for amd64`);
  for (const architecture of architectures) {
    const own = names(suite, architecture);
    if (!own) continue;
    check(suite, architecture, own.real);
    const column = columns.push(`${suite} ${architecture}`) - 1;
    const lacking = [...amd64.real].filter((name) => !own.real.has(name) && !own.provided.has(name));
    counts.push(`${suite} ${architecture} ${lacking.length}`);
    for (const name of lacking) missing.set(name, (missing.get(name) ?? 0) | (1 << column));
  }
}
const bySet = {};
for (const [name, bits] of [...missing].sort(([a], [b]) => (a < b ? -1 : 1))) {
  bySet[bits] = bySet[bits] === undefined ? name : `${bySet[bits]} ${name}`;
}
const packed = brotliCompressSync(JSON.stringify({ columns, missing: bySet }), {
  params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_LGWIN]: 24 },
}).toString('base64');
const date = new Date().toISOString().slice(0, 10);

writeFileSync(
  join(root, 'packages/core/src/knowledge/debian-packages.data.ts'),
  `// Written by scripts/build-debian-packages.mjs: change that, not this.
// Packages that Debian has for amd64 and not for an ARM architecture: ${counts.join(', ')}.
// Source: Debian's Packages indices of main, contrib, non-free and non-free-firmware, state of ${date}.
// Base64 of Brotli of JSON: { columns: ["bookworm arm64"], missing: { sumOfBits: "name name" } }; bit n is column n.

export interface PackedPackages {
  /** The day of the state that the table shows. */
  readonly date: string;
  readonly packed: string;
}

export const debianPackageTable: PackedPackages = {
  date: '${date}',
  packed:
    '${packed}',
};
`,
);
console.log(`${missing.size} packages, ${packed.length} bytes; ${counts.join(', ')}`);
