import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { build, transform } from 'esbuild';

/**
 * Puts the command line and what it needs into a few files: hundreds of modules take longer to find than to run.
 *
 * @param {string} root the workspace
 * @param {string} [folder] where the files go
 */
export async function bundleCommand(root, folder = join(root, 'packages/cli/dist/bin')) {
  const common = {
    absWorkingDir: root,
    outdir: folder,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    conditions: ['@mabuild/source'],
    legalComments: 'none',
    metafile: true,
  };
  const entries = (...names) => names.map((name) => `packages/cli/src/${name}.ts`);
  const program = await build({
    ...common,
    entryPoints: entries('program', 'sdk/connections', 'sdk/detect-engine'),
    entryNames: '[name]',
    splitting: true,
    plugins: [elsewhere('checking'), straight(root, 'oci')],
    write: false,
  });
  // Started for one file or in every thread: alone they load a fraction of what they would share with the command.
  const checking = await build({
    ...common,
    entryPoints: entries('checking', 'check-thread'),
    splitting: true,
    plugins: [elsewhere('connections', 'detect-engine')],
    write: false,
  });
  // Started for every RUN: alone it is a tenth of what it would share with the command.
  const service = await build({ ...common, entryPoints: entries('sandbox-service'), write: false });
  const code = await writeCode(
    [program, checking, service].flatMap(({ outputFiles }) => outputFiles),
    folder,
  );
  const built = [
    {
      metafile: {
        inputs: { ...program.metafile.inputs, ...checking.metafile.inputs },
        outputs: code.outputs,
      },
    },
    service,
    // CommonJS: ES modules take a fifth longer to start.
    await build({
      ...common,
      entryPoints: entries('main', 'sandbox-helper', 'check-worker'),
      format: 'cjs',
      outExtension: { '.js': '.cjs' },
      plugins: [elsewhere('program', 'sandbox-service', 'check-thread')],
      banner: { js: "const bundleUrl = require('node:url').pathToFileURL(__filename).href;" },
      define: { bundleName: JSON.stringify(code.name), 'import.meta.url': 'bundleUrl' },
    }),
  ];
  const inputs = new Set(built.flatMap(({ metafile }) => Object.keys(metafile.inputs)));
  await writeFile(join(folder, 'licenses.txt'), await licensesOf(root, [...inputs]));
  const outputs = built.flatMap(({ metafile }) => Object.keys(metafile.outputs));
  const made = new Set(outputs.map((path) => path.split('/').at(-1)));
  const stale = (await readdir(folder)).filter((name) => name !== 'licenses.txt' && !made.has(name));
  await Promise.all(stale.map((name) => rm(join(folder, name))));
}

/**
 * Writes ES modules as what `openCode` of compiled-code.ts loads: V8's code of a script can be kept, that of a module cannot.
 *
 * @returns their name, which changes with their content
 */
async function writeCode(files, folder) {
  const names = new Set(files.map(({ path }) => basename(path)));
  const hash = createHash('sha256');
  const outputs = {};
  await mkdir(folder, { recursive: true });
  for (const { path, text } of files) {
    const name = basename(path, '.js');
    const later = text.replace(/\bimport\((?:"\.\/([^"]+)"\))?/g, (_, file) => {
      if (file === undefined) return 'later(';
      return `later("./${names.has(file) ? `${basename(file, '.js')}.cjs` : file}")`;
    });
    const { code } = await transform(later, { format: 'cjs', target: 'node20.19', legalComments: 'none' });
    const body = code.replace(/\brequire\("\.\/([^"]+)\.js"\)/g, 'require("./$1.cjs")');
    hash.update(JSON.stringify([name, body]));
    await writeFile(join(folder, `${name}.cjs`), body);
    outputs[`${name}.cjs`] = {};
  }
  return { name: hash.digest('hex').slice(0, 16), outputs };
}

/** Modules of another bundle, which are loaded when they are asked for. */
function elsewhere(...names) {
  const filter = new RegExp(`/(?:${names.join('|')})\\.ts$`);
  return {
    name: 'elsewhere',
    setup({ onResolve }) {
      onResolve({ filter }, ({ path, kind }) =>
        kind === 'dynamic-import' ? { path: `./${basename(path, '.ts')}.js`, external: true } : undefined,
      );
    },
  };
}

/**
 * Imports what a package's index passes on from where it is made: files that are loaded together are told by what they
 * import, and an index imports everything.
 */
function straight(root, name) {
  const index = join(root, 'packages', name, 'src/index.ts');
  return {
    name: 'straight',
    async setup({ onLoad }) {
      const homes = new Map();
      for (const [, names, file] of (await readFile(index, 'utf8')).matchAll(
        /^export \{([^}]*)\} from '([^']+)'/gm,
      )) {
        for (const item of names.split(',')) homes.set(item.trim(), join(dirname(index), file));
      }
      const imports = new RegExp(`^import \\{([^}]*)\\} from '@mabuild/${name}';`, 'gm');
      onLoad({ filter: /[/\\]packages[/\\]cli[/\\]src[/\\].*\.ts$/ }, async ({ path }) => ({
        loader: 'ts',
        contents: (await readFile(path, 'utf8')).replace(imports, (_, names) =>
          names
            .split(',')
            .map((item) => item.trim())
            .filter((item) => item !== '' && !item.startsWith('type '))
            .map(
              (item) => `import { ${item} } from ${JSON.stringify(homes.get(item.split(' ')[0]) ?? index)};`,
            )
            .join(' '),
        ),
      }));
    },
  };
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
