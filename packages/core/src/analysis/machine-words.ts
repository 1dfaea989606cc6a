/** A command that names the architecture. */
export interface Machine {
  readonly command: string;
  readonly pattern: RegExp;
  readonly amd64: string;
  /** What it says on each platform. */
  readonly names: Readonly<Record<string, readonly string[]>>;
  /** It names the kernel: in a 32-bit build that may be another. */
  readonly ofKernel: boolean;
}

const plain: readonly Machine[] = [
  {
    command: 'uname -m',
    pattern: /\$\((?:\/\S*\/)?(?:uname\s+-[mp]|uname\s+--machine|arch)\s*\)|`(?:uname\s+-[mp]|arch)\s*`/g,
    amd64: 'x86_64',
    names: { 'linux/arm64': ['aarch64'], 'linux/arm/v7': ['armv7l'], 'linux/arm/v6': ['armv6l'] },
    ofKernel: true,
  },
  {
    command: 'dpkg --print-architecture',
    pattern: /\$\(dpkg\s+--print-architecture\s*\)|`dpkg\s+--print-architecture\s*`/g,
    amd64: 'amd64',
    // Debian's for ARMv6 is armel, Raspbian's armhf.
    names: { 'linux/arm64': ['arm64'], 'linux/arm/v7': ['armhf'], 'linux/arm/v6': ['armel', 'armhf'] },
    ofKernel: false,
  },
  {
    command: 'apk --print-arch',
    pattern: /\$\(apk\s+--print-arch\s*\)|`apk\s+--print-arch\s*`/g,
    amd64: 'x86_64',
    names: { 'linux/arm64': ['aarch64'], 'linux/arm/v7': ['armv7'], 'linux/arm/v6': ['armhf'] },
    ofKernel: false,
  },
];

const filtered =
  /\$\(\s*(uname\s+-m|dpkg\s+--print-architecture|apk\s+--print-arch|echo\s+"?\$\{?TARGETARCH\}?"?)((?:\s*\|\s*sed\s+(?:'[^'()`]*'|"[^"()`]*"|[^|()`'"])*)+)\)/g;
/** One `sed` of a pipeline, and its words. */
const oneSed = /\|\s*sed\s+((?:'[^']*'|"[^"]*"|[^|'"])*)/g;
const targetArch: Readonly<Record<string, readonly string[]>> = {
  'linux/arm64': ['arm64'],
  'linux/arm/v7': ['arm'],
  'linux/arm/v6': ['arm'],
};

/** The commands that a text may be made with: those that say it themselves, and those that sed puts into other words. */
export function machinesIn(text: string): readonly Machine[] {
  if (!text.includes('sed')) return plain;
  const through = [...text.matchAll(filtered)].flatMap((match): readonly Machine[] => {
    const [whole, source = '', scripts = ''] = match;
    const rename = readSeds(scripts);
    const own = plain.find(({ command }) => source.replace(/\s+/g, ' ') === command);
    if (!rename || (!own && !source.startsWith('echo'))) return [];
    const names = Object.entries(own?.names ?? targetArch).map(
      ([key, words]) => [key, words.map((word) => rename(word))] as const,
    );
    return [
      {
        command: own ? `${own.command} | sed` : 'TARGETARCH through sed',
        pattern: new RegExp(whole.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&'), 'g'),
        amd64: rename(own?.amd64 ?? 'amd64'),
        names: Object.fromEntries(names),
        // Who renames 32-bit ARM has thought of it.
        ofKernel: own?.ofKernel === true && !/arm(?!64)/.test(scripts),
      },
    ];
  });
  return [...plain, ...through];
}

/** Reads the seds of a pipeline, one after the other. */
function readSeds(pipeline: string): ((word: string) => string) | undefined {
  const renames = [...pipeline.matchAll(oneSed)].map(([, script = '']) => readSed(script));
  if (renames.some((rename) => rename === undefined)) return undefined;
  return (word) => renames.reduce((result, rename) => rename?.(result) ?? result, word);
}

/** Reads `s/a/b/` commands of plain words; `undefined` when the script has anything else. */
function readSed(script: string): ((word: string) => string) | undefined {
  const text = script.replace(/["']/g, ' ').replace(/(?<=^|\s)-(?:e|r|E|n?re)(?=\s)/g, ' ');
  const steps = [...text.matchAll(/s([/|#@,])(\^?[\w.-]+\$?)\1([\w.-]*)\1g?/g)];
  const rest = steps.reduce((left, [step]) => left.replace(step, ' '), text);
  if (steps.length === 0 || !/^[\s;]*$/.test(rest)) return undefined;
  return (word) =>
    steps.reduce((result, [, , from = '', to = '']) => {
      const exact = from.replace(/^\^|\$$/g, '').replace(/[.]/g, '\\.');
      const pattern = `${from.startsWith('^') ? '^' : ''}${exact}${from.endsWith('$') ? '$' : ''}`;
      return result.replace(new RegExp(pattern), () => to);
    }, word);
}
