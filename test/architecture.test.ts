import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { knownCodes } from '../packages/cli/src/exit-code.ts';
import {
  packageOf,
  readSource,
  readSources,
  repositoryRoot,
  resolveImport,
  type SourceFile,
} from './support/sources.ts';

/** What a package may import of ours: only floors below its own. */
const below: Readonly<Record<string, readonly string[]>> = {
  oci: [],
  core: ['@mabuild/oci'],
  registry: ['@mabuild/oci'],
  cli: ['@mabuild/oci', '@mabuild/core', '@mabuild/registry'],
};

/** Folders where adding a thing is one file and one line. */
const listed: readonly (readonly [string, string])[] = [
  ['core', 'rules'],
  ['core', 'transforms'],
  ['core', 'engines'],
  ['core', 'knowledge/download-assets'],
  ['cli', 'commands'],
  ['cli', 'formatters'],
];

/** Files that something other than an import starts. */
const doors: Readonly<Record<string, readonly string[]>> = {
  oci: ['index.ts'],
  core: ['index.ts'],
  registry: ['index.ts', 'testing/index.ts'],
  cli: ['index.ts', 'main.ts', 'check-worker.ts', 'sandbox-helper.ts'],
};

const sources = readSources(Object.keys(below));

describe('architecture', () => {
  it('imports go down only', () => {
    const wrong = offences(sources, (file) =>
      file.imports.filter((name) => isOurs(name) && !below[file.package]?.includes(packageOf(name))),
    );
    expect(wrong).to.deep.equal([]);
  });

  it('packages are imported through their index only', () => {
    expect(
      offences(sources, (file) => file.imports.filter((name) => isOurs(name) && packageOf(name) !== name)),
    ).to.deep.equal([]);
  });

  it('relative imports stay inside src and name the .ts file', () => {
    const wrong = offences(sources, (file) =>
      file.imports.filter(
        (name) =>
          name.startsWith('.') && (!name.endsWith('.ts') || resolveImport(file, name).startsWith('../')),
      ),
    );
    expect(wrong).to.deep.equal([]);
  });

  it('a third-party library is imported in one file of a package', () => {
    const users = new Map<string, Set<string>>();
    for (const file of sources) {
      for (const name of file.imports.filter(isThirdParty)) {
        const key = `${packageOf(name)} in packages/${file.package}`;
        users.set(key, (users.get(key) ?? new Set()).add(file.path));
      }
    }
    const wrong = [...users]
      .filter(([, files]) => files.size > 1)
      .map(([key, files]) => `${key}: ${[...files].join(', ')}`);
    expect(wrong).to.deep.equal([]);
  });

  it('the types of a library do not appear in what a package declares', () => {
    const wrong = publicFiles().flatMap((file) => {
      const declared = join(
        repositoryRoot,
        'packages',
        file.package,
        'dist',
        file.path.replace(/\.ts$/, '.d.ts'),
      );
      if (!existsSync(declared)) return [];
      const { imports } = readSource(file.package, file.path, readFileSync(declared, 'utf8'));
      return imports.filter(isThirdParty).map((name) => `packages/${file.package}/src/${file.path}: ${name}`);
    });
    expect(wrong).to.deep.equal([]);
  });

  it('the SDK loads no command line parser', () => {
    const loaded = publicFiles().filter((file) => file.package === 'cli');
    expect(
      offences(loaded, (file) => file.imports.filter((name) => packageOf(name) === 'commander')),
    ).to.deep.equal([]);
  });

  it('a package declares every library that it imports, and imports every one that it declares', () => {
    for (const name of Object.keys(below)) {
      const manifest = JSON.parse(
        readFileSync(join(repositoryRoot, 'packages', name, 'package.json'), 'utf8'),
      );
      const used = new Set(
        sources
          .filter((file) => file.package === name)
          .flatMap((file) => file.imports)
          .filter((specifier) => isThirdParty(specifier) || isOurs(specifier))
          .map(packageOf),
      );
      expect([...used].sort(), `packages/${name}`).to.deep.equal(
        Object.keys(manifest.dependencies ?? {}).sort(),
      );
    }
  });

  for (const [name, folder] of listed) {
    it(`every file of ${name}/src/${folder} is reached from its index.ts`, () => {
      const files = sources.filter((file) => file.package === name && file.path.startsWith(`${folder}/`));
      const reached = reach([`${folder}/index.ts`], files);
      expect(files.map((file) => file.path).filter((path) => !reached.has(path))).to.deep.equal([]);
    });
  }

  it('every source file is used', () => {
    const unused = Object.keys(below).flatMap((name) => {
      const files = sources.filter((file) => file.package === name);
      const reached = reach(doors[name] ?? [], files);
      return files
        .filter((file) => !reached.has(file.path))
        .map((file) => `packages/${name}/src/${file.path}`);
    });
    expect(unused).to.deep.equal([]);
  });

  it('no file needs itself, by whatever way round', () => {
    const circles = Object.keys(below).flatMap((name) => {
      const files = sources.filter((file) => file.package === name);
      const needs = new Map(files.map((file) => [file.path, reach(relativeImports(file), files)]));
      return files
        .filter((file) => needs.get(file.path)?.has(file.path))
        .flatMap((file) =>
          relativeImports(file)
            .filter((path) => needs.get(path)?.has(file.path))
            .map((path) => `packages/${name}/src/${file.path} -> ${path}`),
        );
    });
    expect(circles).to.deep.equal([]);
  });

  it('folders of a package need each other one way only', () => {
    const circles = Object.keys(below).flatMap((name) => {
      const files = sources.filter((file) => file.package === name);
      const needs = new Map<string, Set<string>>();
      for (const file of files) {
        const room = roomOf(name, file.path);
        const others = relativeImports(file).map((path) => roomOf(name, path));
        needs.set(room, new Set([...(needs.get(room) ?? []), ...others.filter((other) => other !== room)]));
      }
      return [...needs].flatMap(([room, others]) =>
        [...others]
          .filter((other) => leadsTo(other, room, needs))
          .map((other) => `packages/${name}/src: ${room} -> ${other}`),
      );
    });
    expect(circles).to.deep.equal([]);
  });

  it('process and console are used in packages/cli only', () => {
    const wrong = offences(
      sources.filter((file) => file.package !== 'cli'),
      (file) => [
        ...[...file.bare.matchAll(/(?<![.\w])(process|console)\s*[.[]/g)].map((match) => match[1] ?? ''),
        ...file.imports.filter((name) => /^(node:)?(process|console)$/.test(name)),
      ],
    );
    expect(wrong).to.deep.equal([]);
  });

  it('nothing is exported as default', () => {
    expect(
      offences(sources, (file) => file.bare.match(/\bexport\s+default\b|\bas\s+default\b/g) ?? []),
    ).to.deep.equal([]);
  });

  it('files are named in kebab-case', () => {
    const wrong = sources.filter(
      (file) => !/^([a-z0-9]+(-[a-z0-9]+)*\/)*[a-z0-9]+(-[a-z0-9]+)*(\.data)?\.ts$/.test(file.path),
    );
    expect(wrong.map((file) => file.path)).to.deep.equal([]);
  });

  it('index files only re-export, but for the lists of things that can be added', () => {
    const lists = new Set(listed.map(([name, folder]) => `${name}/${folder}/index.ts`));
    const wrong = sources
      .filter((file) => /(^|\/)index\.ts$/.test(file.path) && !lists.has(`${file.package}/${file.path}`))
      .filter((file) => /^\s*(export\s+)?(async\s+)?(function|const|let|class)\b/m.test(file.bare))
      .map((file) => `packages/${file.package}/src/${file.path}`);
    expect(wrong).to.deep.equal([]);
  });

  it('every error code has its exit code', () => {
    const missing = new Set(
      sources
        .filter((file) => !file.path.startsWith('testing/'))
        .flatMap(errorCodes)
        .filter((code) => !knownCodes.has(code)),
    );
    expect([...missing].sort(), 'packages/cli/src/exit-code.ts does not name').to.deep.equal([]);
  });

  it('the workspace needs nothing newer than its stated Node', () => {
    const { engines } = JSON.parse(readFileSync(join(repositoryRoot, 'package.json'), 'utf8'));
    for (const name of readdirSync(join(repositoryRoot, 'packages'))) {
      const manifest = JSON.parse(
        readFileSync(join(repositoryRoot, 'packages', name, 'package.json'), 'utf8'),
      );
      expect(manifest.engines, name).to.deep.equal(engines);
    }
  });
});

/** Folders that share the words for what differs between platforms, and are read together. */
const together: ReadonlySet<string> = new Set(
  ['analysis', 'dockerfile', 'fixes', 'knowledge', 'rules'].map((folder) => `core/${folder}`),
);

/** The folder directly under src that a file is in, or the file itself. */
function roomOf(name: string, path: string): string {
  const [first = ''] = path.split('/');
  return together.has(`${name}/${first}`) ? 'Dockerfiles and what is known of them' : first;
}

function leadsTo(
  from: string,
  to: string,
  needs: ReadonlyMap<string, ReadonlySet<string>>,
  seen = new Set<string>(),
): boolean {
  if (from === to) return true;
  if (seen.has(from)) return false;
  seen.add(from);
  return [...(needs.get(from) ?? [])].some((next) => leadsTo(next, to, needs, seen));
}

/** Files that a package's index.ts leads to. */
function publicFiles(): readonly SourceFile[] {
  return Object.keys(below).flatMap((name) => {
    const files = sources.filter((file) => file.package === name);
    const reached = reach(['index.ts'], files);
    return files.filter((file) => reached.has(file.path));
  });
}

function isOurs(specifier: string): boolean {
  return specifier.startsWith('@mabuild/') || packageOf(specifier) === 'mabuild';
}

function isThirdParty(specifier: string): boolean {
  return !specifier.startsWith('.') && !specifier.startsWith('node:') && !isOurs(specifier);
}

/** What `find` finds wrong in each file, as lines for the message. */
function offences(
  files: readonly SourceFile[],
  find: (file: SourceFile) => readonly string[],
): readonly string[] {
  return files.flatMap((file) =>
    find(file).map((what) => `packages/${file.package}/src/${file.path}: ${what}`),
  );
}

/** Paths that relative imports lead to from `from`, itself included, within `files`. */
function reach(from: readonly string[], files: readonly SourceFile[]): ReadonlySet<string> {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const reached = new Set<string>();
  const next = [...from];
  for (let path = next.pop(); path !== undefined; path = next.pop()) {
    const file = byPath.get(path);
    if (file === undefined || reached.has(path)) continue;
    reached.add(path);
    next.push(...relativeImports(file));
  }
  return reached;
}

function relativeImports(file: SourceFile): readonly string[] {
  return file.imports.filter((name) => name.startsWith('.')).map((name) => resolveImport(file, name));
}

/** Codes that a file gives to errors: `code: 'X'`, also in a conditional, and the members of a type of codes. */
function errorCodes(file: SourceFile): readonly string[] {
  // Events have codes too, and end no command.
  const code = file.code.replace(/type: 'warning'[^}]*}/g, '');
  const given = [...code.matchAll(/\bcode:([^,;\n}]*)/g)].flatMap((match) => [
    ...(match[1] ?? '').matchAll(/'([A-Z][A-Z0-9_]+)'/g),
  ]);
  const unions = [...file.code.matchAll(/type \w*Code\s*=([^;]*);/g)].flatMap((match) => [
    ...(match[1] ?? '').matchAll(/'([A-Z][A-Z0-9_]+)'/g),
  ]);
  // Codes of the operating system are not ours.
  return [...given, ...unions].map((match) => match[1] ?? '').filter((code) => !/^E[A-Z]+$/.test(code));
}
