import { debianPackageTable, type PackedPackages } from './debian-packages.data.ts';
import { unpackTable } from './unpack-table.ts';

interface Table {
  /** `bookworm arm64` by its number. */
  readonly columns: readonly string[];
  /** The bits of the columns that lack a package, by its name. */
  readonly missing: ReadonlyMap<string, number>;
}

const unpacked = new WeakMap<PackedPackages, Table>();

function table(): Table {
  const known = unpacked.get(debianPackageTable);
  if (known) return known;
  const { columns, missing } = unpackTable(debianPackageTable) as {
    readonly columns: readonly string[];
    readonly missing: Readonly<Record<string, string>>;
  };
  const names = new Map<string, number>();
  for (const [bits, list] of Object.entries(missing)) {
    for (const name of list.split(' ')) names.set(name, Number(bits));
  }
  const read = { columns, missing: names };
  unpacked.set(debianPackageTable, read);
  return read;
}

/**
 * The releases of Debian that have a package for amd64 and not for this architecture, oldest first.
 *
 * Known are bullseye, bookworm and trixie, without Debian's own ports.
 * @param architecture dpkg's name: arm64, armhf or armel
 */
export function debianSuitesWithout(name: string, architecture: string): readonly string[] {
  const { columns, missing } = table();
  const bits = missing.get(name);
  if (bits === undefined) return [];
  return columns.flatMap((column, index) => {
    const [suite = '', own] = column.split(' ');
    return own === architecture && (bits & (1 << index)) !== 0 ? [suite] : [];
  });
}

/** The packages that some release of Debian has for amd64 and not for all of ARM. */
export function lackedByDebian(): Iterable<string> {
  return table().missing.keys();
}

/** The releases of Debian that the table knows for an architecture, oldest first. */
export function knownDebianSuites(architecture: string): readonly string[] {
  return table().columns.flatMap((column) => {
    const [suite = '', own] = column.split(' ');
    return own === architecture ? [suite] : [];
  });
}
