import { lineHunks } from './line-diff.ts';

/** Words of Dockerfiles that concern the architecture: names of machines, what asks for one, automatic ARGs. */
const architecture =
  /amd64|x86[-_]?64|\bx64\b|-x64|i[36]86|64-?bit|linux64|linux-gnu|gnueabi|musleabi|aarch|armhf|armel|armv\d|arm64|arm32|\barm\b|qemu|GOARCH|GOARM|GO386|TARGET(?:ARCH|PLATFORM|VARIANT|OS)|BUILD(?:ARCH|PLATFORM)|print-arch|\buname\b|\$\(arch\)|(?:\b|_)ARCH\b|--platform/i;

/**
 * The lines (from 1) of `before` that a commit changed for the architecture.
 *
 * A line counts when the commit removed or replaced it and it
 * - names an architecture itself, or is a FROM, or
 * - lives on in an added line that names one: at least three fifths of its words stand there, or
 * - lives on below an added `if` or `case` that asks for one;
 * and where a commit only added lines that name an architecture, the lines on both sides of the place.
 * Comments and blank lines never count.
 */
export function linesChangedForArchitecture(before: string, after: string): ReadonlySet<number> {
  const lines = before.split(/\r?\n/);
  const hunks = lineHunks(before, after);
  const successors = hunks
    .flatMap(({ added }) => added)
    .filter(concerns)
    .map((line) => new Set(words(line)));
  const found = new Set<number>();
  for (const { start, removed, added } of hunks) {
    const condition = added.findIndex((line) => concerns(line) && /\b(?:if|case)\b/.test(line));
    const guarded = condition < 0 ? [] : added.slice(condition + 1).map((line) => new Set(words(line)));
    for (const [index, line] of removed.entries()) {
      const next = [...successors, ...guarded];
      if (concerns(line) || /^\s*from\s/i.test(line) || next.some((other) => livesOn(line, other))) {
        found.add(start + index + 1);
      }
    }
    if (removed.every((line) => line.trim() === '') && added.some(concerns)) {
      found.add(start);
      found.add(start + removed.length + 1);
    }
  }
  return new Set([...found].filter((line) => isCode(lines[line - 1] ?? '')));
}

function concerns(line: string): boolean {
  return isCode(line) && architecture.test(line);
}

function isCode(line: string): boolean {
  return line.trim() !== '' && !/^\s*#/.test(line);
}

function livesOn(line: string, next: ReadonlySet<string>): boolean {
  const own = words(line);
  return own.length > 0 && own.filter((word) => next.has(word)).length / own.length >= 0.6;
}

function words(line: string): readonly string[] {
  return line.split(/[^A-Za-z0-9]+/).filter((word) => word.length > 1);
}

/** The ARM platforms that a portable file names, in the words of Docker, uname, Debian and Alpine; else linux/arm64. */
export function platformsMadeFor(text: string): readonly string[] {
  const code = text.replace(/^\s*#.*$/gm, '');
  const arm64 = /arm64|aarch64/i.test(code);
  // Alpine's armhf is ARMv6; Debian's is ARMv7.
  const v6 = /\barmhf\b/.test(code) && /apk --print-arch/.test(code);
  const v7 =
    (!v6 && /\barmhf\b/.test(code)) || /arm\/v7|armv7|arm32v7|gnueabihf|["' =/(|]arm["' )/|;]/.test(code);
  const named = [arm64 && 'linux/arm64', v7 && 'linux/arm/v7', v6 && 'linux/arm/v6'].filter(
    (name) => name !== false,
  );
  return named.length > 0 ? named : ['linux/arm64'];
}

/** What people give with --build-arg where a file has an ARG for the architecture: `ARG ARCH=amd64`. */
export function buildArgsFor(text: string, platform: string): Readonly<Record<string, string>> {
  const names: Readonly<Record<string, readonly [amd64: string, x86_64: string]>> = {
    'linux/arm64': ['arm64', 'aarch64'],
    'linux/arm/v7': ['arm', 'armv7l'],
    'linux/arm/v6': ['arm', 'armv6l'],
  };
  const [asGo = '', asMachine = ''] = names[platform] ?? [];
  const args = text.matchAll(/^ARG (\w*ARCH)=["']?(amd64|x86_64)["']?\s*$/gim);
  return Object.fromEntries([...args].map(([, name, word]) => [name, word === 'amd64' ? asGo : asMachine]));
}
