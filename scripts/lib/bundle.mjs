import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';

/**
 * Puts the command line and what it needs into a few files: hundreds of modules take longer to find than to run.
 *
 * @param {string} root the workspace
 */
export async function bundleCommand(root) {
  const folder = join(root, 'packages/cli/dist/bin');
  const common = {
    absWorkingDir: root,
    outdir: folder,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    conditions: ['@mabuild/source'],
    // Some libraries are CommonJS; an ES module that holds them needs a `require` for Node's own modules.
    banner: {
      js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);",
    },
    legalComments: 'none',
    metafile: true,
  };
  const entries = (...names) => names.map((name) => `packages/cli/src/${name}.ts`);
  const built = [
    await build({ ...common, entryPoints: entries('main', 'check-worker'), splitting: true }),
    // Started for every RUN: alone it is a tenth of what it would share with the command.
    await build({ ...common, entryPoints: entries('sandbox-helper') }),
  ];
  const inputs = new Set(built.flatMap(({ metafile }) => Object.keys(metafile.inputs)));
  await writeFile(join(folder, 'licenses.txt'), await licensesOf(root, [...inputs]));
  const outputs = built.flatMap(({ metafile }) => Object.keys(metafile.outputs));
  const made = new Set(outputs.map((path) => path.split('/').at(-1)));
  const stale = (await readdir(folder)).filter((name) => name !== 'licenses.txt' && !made.has(name));
  await Promise.all(stale.map((name) => rm(join(folder, name))));
}

/** The licences of the libraries whose files are in the bundle, one after the other. */
async function licensesOf(root, inputs) {
  const folders = new Set(
    inputs.flatMap((path) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(path)?.[0] ?? []),
  );
  const texts = [];
  for (const folder of [...folders].sort()) {
    const { name, version, license } = JSON.parse(await readFile(join(root, folder, 'package.json'), 'utf8'));
    const file = (await readdir(join(root, folder))).find((item) => /^licen[cs]e/i.test(item));
    const text = file ? await readFile(join(root, folder, file), 'utf8') : '';
    texts.push(`${name} ${version}: ${license ?? 'see below'}\n\n${text.trim()}\n`);
  }
  return texts.join(`\n${'-'.repeat(80)}\n\n`);
}
