import { isLockFile, readLockFile } from '@mabuild/core';
import { formatPlatform, parsePlatformList } from '@mabuild/oci';
import { expect } from 'chai';

const platforms = parsePlatformList('linux/arm64,linux/arm/v7,linux/arm/v6');

interface Row {
  readonly title: string;
  readonly file: string;
  readonly text: string;
  /** `rule severity platforms: what stands there`. */
  readonly found: readonly string[];
}

const wheel = (name: string, ...tags: string[]): string =>
  `wheels = [\n${tags.map((tag) => `  { url = "https://host/${name}-1.0-cp312-cp312-${tag}.whl", size = 1 },\n`).join('')}]\n`;
const uv = (name: string, rest: string): string =>
  `[[package]]\nname = "${name}"\nversion = "1.0"\nsource = { registry = "https://host" }\n${rest}`;
const sdist = 'sdist = { url = "https://host/a-1.0.tar.gz" }\n';

const python: readonly Row[] = [
  { title: 'a wheel without native code', file: 'uv.lock', text: uv('a', wheel('a', 'any')), found: [] },
  {
    title: 'wheels of x64 alone',
    file: 'uv.lock',
    text: uv('a', wheel('a', 'manylinux_2_17_x86_64.manylinux2014_x86_64', 'win_amd64', 'macosx_11_0_arm64')),
    found: ['locked-package-lacks-platform error linux/arm64,linux/arm/v7,linux/arm/v6: name = "a"'],
  },
  {
    title: 'a wheel for arm64, sources for the rest',
    file: 'uv.lock',
    text: uv('a', sdist + wheel('a', 'manylinux_2_28_x86_64', 'musllinux_1_2_aarch64')),
    found: ['locked-package-compiles warning linux/arm/v7,linux/arm/v6: name = "a"'],
  },
  {
    title: 'wheels for all',
    file: 'uv.lock',
    text: uv(
      'a',
      wheel('a', 'manylinux1_x86_64', 'manylinux2014_aarch64', 'manylinux_2_31_armv7l', 'linux_armv6l'),
    ),
    found: [],
  },
  {
    title: 'nothing for Linux on x64 either',
    file: 'uv.lock',
    text: uv('a', wheel('a', 'win_amd64')),
    found: [],
  },
  { title: 'sources alone', file: 'uv.lock', text: uv('a', sdist), found: [] },
  {
    title: 'what is asked for on x64 alone, and what only that asks for',
    file: 'uv.lock',
    text:
      `${uv('app', '')}dependencies = [{ name = "gpu", marker = "platform_machine == 'x86_64' and sys_platform == 'linux'" }]\n` +
      `${uv('gpu', wheel('gpu', 'manylinux2014_x86_64'))}dependencies = [{ name = "deep" }]\n` +
      uv('deep', wheel('deep', 'manylinux2014_x86_64')),
    found: [],
  },
  {
    title: 'what is asked for on x64, and elsewhere too',
    file: 'uv.lock',
    text:
      `${uv('app', '')}dependencies = [{ name = "x", marker = "platform_machine == 'x86_64'" }, { name = "y" }]\n` +
      `${uv('y', '')}dependencies = [{ name = "x" }]\n` +
      uv('x', wheel('x', 'manylinux2014_x86_64')),
    found: ['locked-package-lacks-platform error linux/arm64,linux/arm/v7,linux/arm/v6: name = "x"'],
  },
  {
    title: 'a package of a folder',
    file: 'uv.lock',
    text: `[[package]]\nname = "a"\nversion = "1"\nsource = { editable = "." }\n${wheel('a', 'linux_x86_64')}`,
    found: [],
  },
  {
    title: 'poetry',
    file: 'poetry.lock',
    text: '[[package]]\nname = "ok"\nversion = "1.0"\nfiles = [{file = "ok-1.0-py3-none-any.whl", hash = ""}]\n\n[[package]]\nname = "a"\nversion = "1.0"\nfiles = [\n    {file = "a-1.0-cp311-cp311-manylinux_2_17_x86_64.whl", hash = ""},\n    {file = "a-1.0.tar.gz", hash = ""},\n]\n',
    found: ['locked-package-compiles warning linux/arm64,linux/arm/v7,linux/arm/v6: name = "a"'],
  },
  {
    title: 'poetry before 1.3, which lists the files at the end',
    file: 'poetry.lock',
    text: '[[package]]\nname = "a"\nversion = "1.0"\n\n[metadata.files]\na = [{file = "a-1.0-cp38-cp38-manylinux1_x86_64.whl", hash = ""}]\n',
    found: ['locked-package-lacks-platform error linux/arm64,linux/arm/v7,linux/arm/v6: name = "a"'],
  },
  {
    title: 'poetry with a marker',
    file: 'poetry.lock',
    text: '[[package]]\nname = "a"\nversion = "1.0"\nmarkers = "platform_machine == \\"x86_64\\""\nfiles = [{file = "a-1.0-cp38-cp38-manylinux1_x86_64.whl"}]\n',
    found: [],
  },
  {
    title: 'requirements',
    file: 'requirements-dev.txt',
    text: '# c\nrequests==2.0\nnumpy>=1.20\nintel-tensorflow==2.1 # c\n-r other.txt\nmkl ; platform_machine == "x86_64"\nhttps://host/a.whl\n',
    found: [
      'locked-package-compiles warning linux/arm/v7,linux/arm/v6: numpy>=1.20',
      'locked-package-lacks-platform error linux/arm64,linux/arm/v7,linux/arm/v6: intel-tensorflow==2.1',
    ],
  },
  {
    title: 'requirements with wheels for 32-bit ARM',
    file: 'requirements.txt',
    text: '--extra-index-url https://www.piwheels.org/simple\nnumpy==1.20\n',
    found: [],
  },
];

const npm = (packages: object): string => JSON.stringify({ lockfileVersion: 3, packages }, null, 2);
const part = (cpu: string, os = 'linux'): object => ({
  version: '1.0.0',
  cpu: [cpu],
  os: [os],
  optional: true,
});
const wishes = (...names: string[]): object => ({
  version: '1.0.0',
  optionalDependencies: Object.fromEntries(names.map((name) => [name, '1.0.0'])),
});

const node: readonly Row[] = [
  {
    title: 'a package that refuses ARM',
    file: 'package-lock.json',
    text: npm({ '': {}, 'node_modules/a': { version: '1.0.0', cpu: ['x64', 'ia32'] } }),
    found: ['locked-package-lacks-platform error linux/arm64,linux/arm/v7,linux/arm/v6: "node_modules/a"'],
  },
  {
    title: 'one that refuses 32-bit ARM, below another',
    file: 'npm-shrinkwrap.json',
    text: npm({ 'node_modules/b/node_modules/@s/a': { version: '1.0.0', cpu: ['!arm'] } }),
    found: [
      'locked-package-lacks-platform error linux/arm/v7,linux/arm/v6: "node_modules/b/node_modules/@s/a"',
    ],
  },
  {
    title: 'packages that are optional, or for other systems',
    file: 'package-lock.json',
    text: npm({ 'node_modules/a': part('x64'), 'node_modules/b': { cpu: ['x64'], os: ['darwin'] } }),
    found: [],
  },
  {
    title: 'native parts that the lock file leaves out',
    file: 'package-lock.json',
    text: npm({
      'node_modules/esbuild': wishes('@esbuild/linux-x64', '@esbuild/linux-arm64', '@esbuild/linux-arm'),
      'node_modules/@esbuild/linux-x64': part('x64'),
    }),
    found: [
      'lockfile-lacks-platform error linux/arm64: "node_modules/esbuild"',
      'lockfile-lacks-platform error linux/arm/v7,linux/arm/v6: "node_modules/esbuild"',
    ],
  },
  {
    title: 'native parts that there are not',
    file: 'package-lock.json',
    text: npm({
      'node_modules/swc': wishes('@swc/linux-x64-gnu', '@swc/linux-arm64-gnu'),
      'node_modules/@swc/linux-x64-gnu': part('x64'),
      'node_modules/@swc/linux-arm64-gnu': part('arm64'),
    }),
    found: ['locked-package-lacks-platform warning linux/arm/v7,linux/arm/v6: "node_modules/swc"'],
  },
  {
    title: 'WebAssembly in their place',
    file: 'package-lock.json',
    text: npm({
      'node_modules/x': wishes('x-linux-x64', 'x-wasm32'),
      'node_modules/x-linux-x64': part('x64'),
      'node_modules/x-wasm32': { version: '1.0.0', cpu: ['wasm32'], optional: true },
    }),
    found: [
      'locked-package-lacks-platform info linux/arm64: "node_modules/x"',
      'locked-package-lacks-platform info linux/arm/v7,linux/arm/v6: "node_modules/x"',
    ],
  },
  {
    title: 'parts for macOS alone',
    file: 'package-lock.json',
    text: npm({ 'node_modules/x': wishes('fsevents'), 'node_modules/fsevents': part('x64', 'darwin') }),
    found: [],
  },
  {
    title: 'version 1, which does not tell',
    file: 'package-lock.json',
    text: '{"lockfileVersion": 1, "dependencies": {}}',
    found: [],
  },
  {
    title: 'pnpm 9',
    file: 'pnpm-lock.yaml',
    text: "lockfileVersion: '9.0'\n\npackages:\n\n  '@esbuild/linux-x64@0.19.0':\n    resolution: {integrity: x}\n    cpu: [x64]\n    os: [linux]\n\n  esbuild@0.19.0:\n    hasBin: true\n\n  only@1.0.0:\n    cpu: [x64]\n\nsnapshots:\n\n  '@esbuild/linux-x64@0.19.0':\n    optional: true\n\n  esbuild@0.19.0:\n    optionalDependencies:\n      '@esbuild/linux-x64': 0.19.0\n\n  only@1.0.0: {}\n",
    found: [
      'locked-package-lacks-platform warning linux/arm64: esbuild@0.19.0',
      'locked-package-lacks-platform warning linux/arm/v7,linux/arm/v6: esbuild@0.19.0',
      'locked-package-lacks-platform error linux/arm64,linux/arm/v7,linux/arm/v6: only@1.0.0',
    ],
  },
  {
    title: 'pnpm 5 and 6',
    file: 'pnpm-lock.yaml',
    text: 'lockfileVersion: 5.4\n\npackages:\n\n  /@s/only/1.0.0_peer@2.0.0:\n    cpu: [x64]\n    dev: false\n\n  /opt@1.0.0(peer@2):\n    cpu: [x64]\n    optional: true\n',
    found: [
      'locked-package-lacks-platform error linux/arm64,linux/arm/v7,linux/arm/v6: /@s/only/1.0.0_peer@2.0.0',
    ],
  },
  {
    title: 'yarn 4',
    file: 'yarn.lock',
    text: '__metadata:\n  version: 8\n\n"@esbuild/linux-x64@npm:0.19.0":\n  version: 0.19.0\n  conditions: os=linux & cpu=x64\n  languageName: node\n\n"esbuild@npm:^0.19.0, esbuild@npm:~0.19.0":\n  version: 0.19.0\n  dependencies:\n    "@esbuild/linux-x64": "npm:0.19.0"\n  dependenciesMeta:\n    "@esbuild/linux-x64":\n      optional: true\n\n"me@workspace:.":\n  version: 0.0.0-use.local\n',
    found: [
      'locked-package-lacks-platform warning linux/arm64: "esbuild@npm:^0.19.0, esbuild@npm:~0.19.0"',
      'locked-package-lacks-platform warning linux/arm/v7,linux/arm/v6: "esbuild@npm:^0.19.0, esbuild@npm:~0.19.0"',
    ],
  },
  {
    title: 'yarn 1, which does not tell',
    file: 'yarn.lock',
    text: '# yarn lockfile v1\n\na@^1:\n  version "1.0.0"\n',
    found: [],
  },
];

const gemfile = (...names: string[]): string =>
  `GEM\n  specs:\n    a (1)\n\nPLATFORMS\n${names.map((name) => `  ${name}\n`).join('')}\nDEPENDENCIES\n  a\n`;
const ruby: readonly Row[] = [
  {
    title: 'x64 alone',
    file: 'Gemfile.lock',
    text: gemfile('arm64-darwin-22', 'x86_64-linux'),
    found: ['lockfile-lacks-platform error linux/arm64,linux/arm/v7,linux/arm/v6: x86_64-linux'],
  },
  {
    title: 'arm64 as well',
    file: 'Gemfile.lock',
    text: gemfile('aarch64-linux', 'x86_64-linux-gnu'),
    found: ['lockfile-lacks-platform error linux/arm/v7,linux/arm/v6: x86_64-linux-gnu'],
  },
  { title: 'all', file: 'Gemfile.lock', text: gemfile('ruby', 'x86_64-linux'), found: [] },
  { title: 'no Linux', file: 'Gemfile.lock', text: gemfile('x86_64-darwin-21'), found: [] },
  { title: 'no section', file: 'Gemfile.lock', text: 'GEM\n  specs:\n', found: [] },
];

describe('lock files', () => {
  for (const { title, file, text, found } of [...python, ...node, ...ruby]) {
    for (const written of [text, text.replaceAll('\n', '\r\n')]) {
      it(`${file}: ${title}${written === text ? '' : ', CRLF'}`, () => {
        const findings = readLockFile(written, { file: `some/folder/${file}`, platforms });
        expect(
          findings.map(
            (item) =>
              `${item.rule} ${item.severity} ${item.platforms.map((one) => formatPlatform(one)).join()}: ${written.slice(item.range.start, item.range.end)}`,
          ),
        ).to.deep.equal(found);
      });
    }
  }

  it('say nothing when only x86 is asked for', () => {
    const [row] = ruby as [Row];
    const options = { file: row.file, platforms: parsePlatformList('linux/amd64') };
    expect(readLockFile(row.text, options)).to.deep.equal([]);
  });

  it('are known by their names', () => {
    const names = ['Cargo.lock', 'go.sum', 'requirements.txt', 'requirements.in', 'my-uv.lock', 'uv.lock'];
    expect(names.filter(isLockFile)).to.deep.equal(['requirements.txt', 'uv.lock']);
  });
});

describe('lock files that cannot be read', () => {
  const bad: readonly { file: string; text: string; says: RegExp; at: string }[] = [
    { file: 'uv.lock', text: '[[package]]\nname = "a\n', says: /^no valid TOML: /, at: '2:10' },
    { file: 'uv.lock', text: 'version = 1\nversion = 2\n', says: /^no valid TOML: /, at: '2:1' },
    { file: 'poetry.lock', text: '<<<<<<< HEAD\n', says: /^no valid TOML: /, at: '1:1' },
    { file: 'package-lock.json', text: '{\n<<<<<<< HEAD\n}', says: /^no valid JSON: /, at: '2:1' },
    { file: 'package-lock.json', text: '{"a": 1,}', says: /^no valid JSON: /, at: '1:9' },
    { file: 'package-lock.json', text: '', says: /^no valid JSON: /, at: '1:1' },
    { file: 'package-lock.json', text: '{"packages": ', says: /^no valid JSON: /, at: '1:14' },
    { file: 'pnpm-lock.yaml', text: 'a: 1\n', says: /^no lock file of pnpm/, at: '1:1' },
    { file: 'Gemfile.lock', text: 'nonsense\n', says: /^no lock file of Bundler/, at: '1:1' },
  ];
  for (const { file, text, says, at } of bad) {
    it(`${file} ${JSON.stringify(text)}`, () => {
      let thrown: unknown;
      try {
        readLockFile(text, { file, platforms });
      } catch (error) {
        thrown = error;
      }
      const { code, message, location } = thrown as {
        code: string;
        message: string;
        location: { line: number; column: number };
      };
      expect(message).to.match(says);
      expect(code).to.equal('LOCKFILE_SYNTAX');
      expect(`${location.line}:${location.column}`).to.equal(at);
    });
  }

  it('shapes that no tool writes are read as far as they go', () => {
    const odd: readonly (readonly [string, string])[] = [
      ['uv.lock', 'package = 1\n'],
      ['uv.lock', '[[package]]\nname = 1\nwheels = "x"\ndependencies = 3\n'],
      ['poetry.lock', '[[package]]\nname = "a"\nfiles = [1, {file = 2}]\n'],
      ['package-lock.json', '[1]'],
      ['package-lock.json', '{"packages": {"node_modules/a": null, "node_modules/b": {"cpu": 1, "os": {}}}}'],
      ['pnpm-lock.yaml', 'lockfileVersion: 9\npackages: {}\nsnapshots:\n  x:\n    optionalDependencies: 1\n'],
      ['yarn.lock', '__metadata:\n"a\n  b:\n'],
    ];
    for (const [file, text] of odd) expect(readLockFile(text, { file, platforms }), text).to.deep.equal([]);
  });
});
