// Rebuilds packages/core/src/knowledge/official-images.data.ts from the tables of official images.
//   node scripts/build-knowledge.mjs [FOLDER]
// FOLDER holds official-images.compact.json and official-images.retired-tags.json.gz; by default ../shared/data.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants, gunzipSync } from 'node:zlib';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = process.argv[2] ?? join(root, '../shared/data');
const current = JSON.parse(readFileSync(join(folder, 'official-images.compact.json'), 'utf8'));
const retired = JSON.parse(
  gunzipSync(readFileSync(join(folder, 'official-images.retired-tags.json.gz'))).toString(),
);

const sets = [...new Set([...current.sets, ...retired.sets].map(withoutWindows))];
const number = (set) => sets.indexOf(withoutWindows(set));

/** `{image: {set: "tag tag"}}`, the shape of both tables. */
function compact(images, setsOf, tagsOf) {
  return Object.fromEntries(
    Object.entries(images).map(([image, value]) => {
      const bySet = {};
      for (const [set, tags] of tagsOf(value)) {
        const key = number(setsOf[set]);
        bySet[key] = bySet[key] === undefined ? tags : `${bySet[key]} ${tags}`;
      }
      return [image, bySet];
    }),
  );
}

function withoutWindows(set) {
  return set
    .split(' ')
    .filter((name) => !name.startsWith('windows-'))
    .join(' ');
}

const table = {
  sets,
  current: compact(current.images, current.sets, ({ d, t, x = {}, empty }) =>
    empty ? [] : [[d, t], ...Object.entries(x)],
  ),
  retired: compact(retired.images, retired.sets, (bySet) => Object.entries(bySet)),
};
const packed = brotliCompressSync(JSON.stringify(table), {
  params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_LGWIN]: 24 },
}).toString('base64');
const { repository, commit, date, path } = current.source;

writeFileSync(
  join(root, 'packages/core/src/knowledge/official-images.data.ts'),
  `// Written by scripts/build-knowledge.mjs: change that, not this.
// Which architectures each tag of Docker's official images declares, current and retired tags.
// Source: ${repository}, ${path}, commit ${commit} (${date}), Apache-2.0.
// Base64 of Brotli of JSON: { sets: ["amd64 arm32v7"], current | retired: { image: { setNumber: "tag tag" } } }.

export interface PackedTable {
  /** The day of the state that the table shows. */
  readonly date: string;
  readonly packed: string;
}

export const officialImageTable: PackedTable = {
  date: '${date}',
  packed:
    '${packed}',
};
`,
);
