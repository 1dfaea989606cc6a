import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's root. */
export const repositoryRoot: string = fileURLToPath(new URL('../..', import.meta.url));

/** One TypeScript file of a package's `src`. */
export interface SourceFile {
  /** `oci`, `core`, `registry` or `cli`. */
  readonly package: string;
  /** Path inside the package's `src`, with forward slashes. */
  readonly path: string;
  /** The text without comments. */
  readonly code: string;
  /** The text without comments and with empty strings and templates. */
  readonly bare: string;
  /** Specifiers of static imports, re-exports and `import()`. */
  readonly imports: readonly string[];
}

const tokens = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\[\s\S]|[^`\\])*`/g;

/** Every source file of the given packages. */
export function readSources(packages: readonly string[]): readonly SourceFile[] {
  return packages.flatMap((name) => {
    const folder = join(repositoryRoot, 'packages', name, 'src');
    return readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ts'))
      .sort()
      .map((path) => readSource(name, path.split(sep).join('/'), readFileSync(join(folder, path), 'utf8')));
  });
}

/** Takes a source text apart as far as the architecture tests need it. */
export function readSource(packageName: string, path: string, text: string): SourceFile {
  const code = text.replace(tokens, (token) => (token.startsWith('/') ? ' ' : token));
  const bare = code.replace(tokens, (token) => (token.startsWith('`') ? '``' : "''"));
  const imports = [
    ...code.matchAll(/^\s*(?:import|export)\s(?:[^'"`;]*?\sfrom\s*)?['"]([^'"]+)['"]/gm),
    ...code.matchAll(/\bimport\(\s*['"]([^'"]+)['"]/g),
  ].map((match) => match[1] ?? '');
  return { package: packageName, path, code, bare, imports };
}

/** The package that a bare specifier belongs to: `@scope/name/sub` gives `@scope/name`. */
export function packageOf(specifier: string): string {
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
}

/** Where a relative import leads, as a path inside `src`. */
export function resolveImport(from: SourceFile, specifier: string): string {
  return posix.join(dirname(from.path), specifier);
}
