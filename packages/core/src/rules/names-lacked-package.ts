import type { Trigger } from '../analysis/code-words.ts';
import { isLackedByDebian } from '../knowledge/debian-packages.ts';
import { findX86Package } from '../knowledge/distro-packages.ts';
import type { PackageManager } from '../knowledge/install-options.ts';

const item = /[a-z0-9][\w.+-]*/gi;

/** Tells whether a text has the name of a package that ARM lacks: most of those that are installed it has. */
export function namesLackedPackage(...managers: readonly PackageManager[]): Trigger {
  return {
    test(text) {
      for (const [name] of text.matchAll(item)) {
        if (isLacked(name, managers)) return true;
        const dot = name.lastIndexOf('.');
        // `wine.i686`.
        if (dot > 0 && isLacked(name.slice(0, dot), managers)) return true;
      }
      return false;
    },
  };
}

function isLacked(name: string, managers: readonly PackageManager[]): boolean {
  return (
    managers.some((manager) => findX86Package(manager, name) !== undefined) ||
    (managers.includes('apt') && isLackedByDebian(name))
  );
}
