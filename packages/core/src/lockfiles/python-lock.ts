import { parse, TomlError, type TomlTable, type TomlValue } from 'smol-toml';
import type { Finding } from '../rules/rule.ts';
import { type LockRequest, lineRange, lockError } from './lock-finding.ts';
import { wheelFinding } from './wheel-finding.ts';
import { hasWheel, linuxWheels } from './wheel-tags.ts';

interface PythonPackageEntry {
  readonly name: string;
  readonly version: string;
  readonly files: readonly string[];
  /** It comes from a folder, a git repository or an address: nothing is known of its builds. */
  readonly local: boolean;
  /** Conditions under which other packages ask for it; `''` for none. */
  readonly needs: ReadonlyMap<string, readonly string[]>;
  readonly marker: string;
  readonly index: number;
}

/**
 * Finds packages of a uv.lock or poetry.lock that have no wheel for a platform.
 *
 * @throws MabuildError `LOCKFILE_SYNTAX` with its place
 */
export function readPythonLock(request: LockRequest): readonly Finding[] {
  const packages = readPackages(request);
  const elsewhere = neededElsewhere(packages);
  const starts = headers(request.text);
  return packages.flatMap((item): readonly Finding[] => {
    if (item.local || elsewhere.has(item.name)) return [];
    const wheels = linuxWheels(item.files);
    const hasSource = item.files.some((file) => /\.(?:tar\.(?:gz|bz2|xz)|zip|tgz)$/.test(file));
    // What has no wheel for x64 either is compiled, or missing, everywhere.
    if (!wheels.machines.has('x86_64') || wheels.any) return [];
    const without = request.platforms.filter((platform) => !hasWheel(wheels, platform));
    if (without.length === 0) return [];
    const header = starts[item.index] ?? 0;
    const name = request.text.indexOf('name = ', header);
    const range = lineRange(request.text, name < 0 ? header : name);
    const hint = hasSource
      ? 'install a compiler and its headers in the stage, or lock a version that has a wheel; www.piwheels.org has many for 32-bit ARM'
      : 'lock a version that has one, or ask for the package on x86 only: ; platform_machine == "x86_64"';
    const called = `${item.name} ${item.version}`.trim();
    return [wheelFinding({ called, source: hasSource, platforms: without, range, hint })];
  });
}

function readPackages(request: LockRequest): readonly PythonPackageEntry[] {
  const root = parseToml(request);
  const oldFiles = table(table(root.metadata).files);
  return tables(root.package).map((entry, index) => {
    const name = string(entry.name);
    const files = [
      ...tables(entry.wheels),
      ...tables(entry.files),
      ...tables(oldFiles[name]),
      table(entry.sdist),
    ];
    const source = table(entry.source);
    return {
      name,
      version: string(entry.version),
      files: files
        .map((file) => string(file.file) || lastSegment(string(file.url) || string(file.path)))
        .filter(Boolean),
      local: ['editable', 'virtual', 'directory', 'path', 'git'].some(
        (kind) => source[kind] !== undefined || source.type === kind,
      ),
      needs: dependencies(entry),
      marker: string(entry.markers),
      index,
    };
  });
}

function dependencies(entry: TomlTable): ReadonlyMap<string, readonly string[]> {
  const needs = new Map<string, string[]>();
  const add = (name: string, marker: string): void => {
    needs.set(name, [...(needs.get(name) ?? []), marker]);
  };
  // uv lists tables; poetry has one table, a version, a table or a list of these by name.
  const lists = [
    entry.dependencies,
    ...Object.values(table(entry['optional-dependencies'])),
    ...Object.values(table(entry['dev-dependencies'])),
  ];
  for (const list of lists) for (const item of tables(list)) add(string(item.name), string(item.marker));
  if (!Array.isArray(entry.dependencies)) {
    for (const [name, value] of Object.entries(table(entry.dependencies))) {
      const items = Array.isArray(value) ? tables(value) : [table(value)];
      for (const item of items) add(name.toLowerCase(), string(item.markers));
    }
  }
  return needs;
}

/** Packages that nothing asks for on Linux on ARM. */
function neededElsewhere(packages: readonly PythonPackageEntry[]): ReadonlySet<string> {
  const elsewhere = new Set(packages.filter(({ marker }) => excludesArm(marker)).map(({ name }) => name));
  const asked = new Map<string, { by: string; marker: string }[]>();
  for (const { name, needs } of packages) {
    for (const [other, markers] of needs) {
      const list = asked.get(other) ?? [];
      asked.set(other, list);
      for (const marker of markers) list.push({ by: name, marker });
    }
  }
  for (let grew = true; grew; ) {
    grew = false;
    for (const [name, list] of asked) {
      if (elsewhere.has(name) || !list.every(({ by, marker }) => elsewhere.has(by) || excludesArm(marker)))
        continue;
      elsewhere.add(name);
      grew = true;
    }
  }
  return elsewhere;
}

/** Tells whether an environment marker is false on Linux on ARM; only markers without `or` are judged. */
function excludesArm(marker: string): boolean {
  if (marker === '' || /\bor\b/.test(marker)) return false;
  return /platform_machine\s*==\s*['"](?:x86_64|AMD64|amd64|i[36]86)['"]|sys_platform\s*==\s*['"](?:win32|darwin|cygwin)['"]|platform_system\s*==\s*['"](?:Windows|Darwin)['"]|os_name\s*==\s*['"]nt['"]|sys_platform\s*!=\s*['"]linux['"]/.test(
    marker,
  );
}

function headers(text: string): readonly number[] {
  return [...text.matchAll(/^\[\[package\]\]/gm)].map(({ index }) => index);
}

function parseToml(request: LockRequest): TomlTable {
  try {
    return parse(request.text.replace(/^\ufeff/, ''));
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const before = request.text.split('\n', error.line - 1);
    const at = before.reduce((sum, line) => sum + line.length + 1, 0) + error.column - 1;
    const [first = ''] = error.message.replace(/^Invalid TOML document: /, '').split('\n');
    throw lockError(request, at, `no valid TOML: ${first}`, error);
  }
}

function table(value: TomlValue | undefined): TomlTable {
  const isTable =
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
  return isTable ? (value as TomlTable) : {};
}

function tables(value: TomlValue | undefined): readonly TomlTable[] {
  return Array.isArray(value) ? value.map(table) : [];
}

function string(value: TomlValue | undefined): string {
  return typeof value === 'string' ? value : '';
}

function lastSegment(url: string): string {
  const path = url.replace(/[?#].*$/, '');
  return decodeURIComponent(path.slice(path.lastIndexOf('/') + 1));
}
