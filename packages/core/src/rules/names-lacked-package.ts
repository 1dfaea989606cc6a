import type { Trigger } from '../analysis/code-words.ts';
import { lackedByDebian } from '../knowledge/debian-packages.ts';
import { x86PackageNames } from '../knowledge/distro-packages.ts';
import type { PackageManager } from '../knowledge/install-options.ts';

const item = /[a-z0-9][\w.+-]*/gi;

interface Names {
  readonly whole: ReadonlySet<string>;
  /** By their first letters. */
  readonly beginnings: ReadonlyMap<string, readonly string[]>;
}

/** Letters that tell most beginnings apart. */
const few = 3;

/** Tells whether a text has the name of a package that ARM lacks: most of those that are installed it has. */
export function namesLackedPackage(...managers: readonly PackageManager[]): Trigger {
  let names: Names | undefined;
  return {
    test(text) {
      names ??= namesOf(managers);
      for (const name of text.match(item) ?? []) {
        if (isOne(name, names)) return true;
        const dot = name.lastIndexOf('.');
        // `wine.i686`.
        if (dot > 0 && isOne(name.slice(0, dot), names)) return true;
      }
      return false;
    },
  };
}

function isOne(name: string, { whole, beginnings }: Names): boolean {
  if (whole.has(name)) return true;
  return beginnings.get(name.slice(0, few))?.some((beginning) => name.startsWith(beginning)) ?? false;
}

function namesOf(managers: readonly PackageManager[]): Names {
  const listed = managers.flatMap((manager) => x86PackageNames(manager));
  const whole = new Set(listed);
  if (managers.includes('apt')) for (const name of lackedByDebian()) whole.add(name);
  const beginnings = new Map<string, string[]>();
  for (const name of listed) {
    if (!name.endsWith('*')) continue;
    const start = name.slice(0, few);
    const known = beginnings.get(start);
    if (known) known.push(name.slice(0, -1));
    else beginnings.set(start, [name.slice(0, -1)]);
  }
  return { whole, beginnings };
}
