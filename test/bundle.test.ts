import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { builtinModules } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { build, type Format } from 'esbuild';
import { runNode } from './support/node.ts';
import { repositoryRoot } from './support/sources.ts';

const source = join(repositoryRoot, 'packages/cli/src/index.ts');
const built = join(repositoryRoot, 'packages/cli/dist/index.js');

/** Data modules, the YAML parser, and a configuration that is imported by path: what a bundle might lose. */
const program = [
  "writeFileSync('Dockerfile', 'FROM node:24\\nRUN node --version\\n');",
  "writeFileSync('compose.yaml', 'services: { a: { image: amd64/debian } }\\n');",
  'const compose = await sdk.checkFiles({ paths: ["compose.yaml"] });',
  'const rules = compose.files[0].findings.map(({ rule }) => rule);',
  "writeFileSync('mabuild.config.yaml', 'platforms: [linux/arm/v7]\\n');",
  'const yaml = await sdk.checkFiles({ paths: ["Dockerfile"] });',
  "writeFileSync('mabuild.config.mjs', 'export default { platforms: [\"linux/arm64\"] }\\n');",
  'const module = await sdk.checkFiles({ paths: ["Dockerfile"] });',
  'const answer = [yaml, module].map(({ platforms, files }) => ({',
  '  platforms, findings: files[0].findings.map((finding) => finding.rule + finding.hint) }));',
  'console.log(JSON.stringify({ answer, rules, output: sdk.parseOutput("oci:image") }));',
];
const expected = {
  answer: [
    { platforms: ['linux/arm/v7'], hint: /^base-image-lacks-platform.*node:22/ },
    { platforms: ['linux/arm64'], hint: undefined },
  ],
  rules: ['x86-namespace'],
  output: { type: 'oci', path: 'image' },
};

const esmLines = ["import { writeFileSync } from 'node:fs';", "import * as sdk from './sdk.mjs';"];
/** Some libraries are CommonJS; an ES module that holds them needs a `require` for Node's own modules. */
const requireBanner =
  "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);";

/** Proxies that want Kerberos, which nobody here asks for. */
const optional = 'kerberos';

describe('the SDK as one file', function () {
  this.timeout(60_000);
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mabuild-bundle-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  const formats: readonly { format: Format; file: string; load: readonly string[]; banner?: string }[] = [
    {
      format: 'cjs',
      file: 'sdk.cjs',
      load: ["const { writeFileSync } = require('node:fs');", "const sdk = require('./sdk.cjs');"],
    },
    {
      format: 'esm',
      file: 'sdk.mjs',
      load: esmLines,
      banner: requireBanner,
    },
  ];
  for (const { format, file, load, banner } of formats) {
    it(`works as ${format} in an empty folder`, async () => {
      const result = await build({
        entryPoints: [source],
        outfile: join(directory, file),
        bundle: true,
        platform: 'node',
        target: 'node20',
        format,
        conditions: ['@mabuild/source'],
        metafile: true,
        logLevel: 'silent',
        ...(banner ? { banner: { js: banner } } : {}),
      });
      expect(result.warnings.map((warning) => warning.text)).to.deep.equal([]);
      const imports = Object.values(result.metafile.outputs).flatMap((output) => output.imports);
      const foreign = imports.map(({ path }) => path.replace(/^node:/, ''));
      expect(foreign.filter((path) => !builtinModules.includes(path) && path !== optional)).to.deep.equal([]);
      expect(await readdir(directory)).to.deep.equal([file]);
      await runsAlone([...load, '(async () => {', ...program, '})();'], format === 'cjs' ? 'cjs' : 'mjs');
    });
  }

  it('works in several files, loaded when they are needed', async () => {
    await build({
      entryPoints: { sdk: source },
      outdir: directory,
      outExtension: { '.js': '.mjs' },
      bundle: true,
      splitting: true,
      platform: 'node',
      target: 'node20',
      format: 'esm',
      conditions: ['@mabuild/source'],
      logLevel: 'silent',
      banner: { js: requireBanner },
    });
    await runsAlone([...esmLines, '(async () => {', ...program, '})();'], 'mjs');
  });

  it('can be required as it is built', async function () {
    if (!existsSync(built)) return this.skip();
    const from = JSON.stringify(built);
    await runsAlone(
      [
        "const { writeFileSync } = require('node:fs');",
        `const sdk = require(${from});`,
        '(async () => {',
      ].concat(program, '})();'),
      'cjs',
    );
  });

  async function runsAlone(lines: readonly string[], extension: string): Promise<void> {
    await writeFile(join(directory, `program.${extension}`), lines.join('\n'));
    const result = await runNode([`program.${extension}`], { cwd: directory, env: { HOME: directory } });
    expect(result.stderr.replace(/.*ExperimentalWarning.*\n.*--trace-warnings.*\n/, '')).to.equal('');
    expect(result.status).to.equal(0);
    const { answer, rules, output } = JSON.parse(result.stdout);
    expect(output).to.deep.equal(expected.output);
    expect(rules).to.deep.equal(expected.rules);
    expected.answer.forEach(({ platforms, hint }, index) => {
      expect(answer[index].platforms).to.deep.equal(platforms);
      if (hint === undefined) expect(answer[index].findings).to.deep.equal([]);
      else expect(answer[index].findings[0]).to.match(hint);
    });
  }
});
