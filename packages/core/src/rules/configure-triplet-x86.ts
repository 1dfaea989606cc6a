import { isArmelBase } from '../analysis/armel-base.ts';
import { type CodeWord, readCode } from '../analysis/code-words.ts';
import type { ShellCommand } from '../dockerfile/shell-model.ts';
import { platformKey } from '../fixes/variation.ts';
import { nameIn } from '../knowledge/architecture-names.ts';
import { armPlatforms } from './code-finding.ts';
import type { Rule } from './rule.ts';
import { findingsOf, type WordHit } from './word-hits.ts';

const name = 'configure-triplet-x86';

/** `--host=x86_64-linux-gnu` and its kin: the processor, the vendor, the system. */
const option =
  /^--(?:host|build|target)=(x86_64|i[3-6]86)((?:-(?:pc|unknown|alpine|redhat|suse))?-linux-(?:gnu|musl))$/;
const triple = /^(x86_64|i[3-6]86)((?:-(?:pc|unknown|alpine|redhat|suse))?-linux-(?:gnu|musl))$/;
/** `x86_64-linux-gnu-gcc`. */
const compiler =
  /(?<![\w.-])x86_64(-linux-gnu)(?=-(?:gcc|g\+\+|cpp|ar|as|ld|nm|strip|objcopy|objdump|ranlib|pkg-config|gfortran)(?:-[\d.]+)?(?![\w-]))/g;
const rustCommands: ReadonlySet<string> = new Set(['cargo', 'rustup', 'cross', 'rustc']);

const trigger = /x86_64|i[3-6]86/;

export const configureTripletX86: Rule = {
  name,
  summary: 'configure, a compiler or OpenSSL is told that the machine is x86.',
  page: {
    why: 'configure --host=x86_64-linux-gnu makes a cross build for x86 on ARM, where there is no such compiler; OpenSSL’s linux-x86_64 assembles x86 code.',
    bad: 'FROM debian:12\nRUN ./configure --build=x86_64-linux-gnu --prefix=/usr && make',
    good: 'FROM debian:12\nRUN ./configure --build="$(dpkg-architecture --query DEB_BUILD_GNU_TYPE)" --prefix=/usr && make',
    perArch: {
      platform: 'linux/arm64',
      text: 'FROM --platform=linux/arm64 arm64v8/debian:12\nRUN ./configure --build=aarch64-linux-gnu --prefix=/usr && make',
    },
    silent: [
      'Another machine is named too: it is a cross build.',
      'The stage is on the build platform, or named for x86.',
    ],
  },
  async check(dockerfile, context) {
    const platforms = armPlatforms(context);
    if (platforms.length === 0 || !trigger.test(dockerfile.text)) return [];
    const hits = readCode(dockerfile, context)
      .wordsAbout(trigger)
      .flatMap((word): readonly WordHit[] => {
        if (!mayTell(word)) return [];
        const armel = (): boolean => isArmelBase(dockerfile, word.stage, context);
        return spansOf(word).map(({ start, end, system }) => {
          const texts: Record<string, string> = {};
          for (const platform of platforms) {
            const key = platformKey(platform);
            const own = textOn(key, system, armel);
            if (own !== undefined) texts[key] = own;
          }
          const text = word.mapped.text.slice(start, end);
          return { word, start, end, texts, name: 'triple', message: `${text} says that the machine is x86` };
        });
      });
    return findingsOf(name, dockerfile, context, hits);
  },
};

/** `system` is `openssl`, or what follows the processor in a triple. */
interface Span {
  readonly start: number;
  readonly end: number;
  readonly system: string;
}

function mayTell({ guarded, buildPlatform, role, command, mapped, instruction }: CodeWord): boolean {
  if (guarded || buildPlatform || role === 'label' || !/x86_64|[3-6]86/.test(mapped.text)) return false;
  if (command?.name === 'echo' || (command?.name !== undefined && rustCommands.has(command.name)))
    return false;
  // A target that is chosen, or another machine beside it: a cross build, or one of several.
  if (command && /--target[= ]/.test(wordsOf(command)) && !/--target[= ]\S*86/.test(wordsOf(command)))
    return false;
  const around = command ? wordsOf(command) : instruction.logical.text;
  return !/(?:aarch64|arm\w*|riscv64|powerpc64le|s390x)-[\w-]*(?:linux|gnu|eabi)|mingw32/.test(around);
}

function wordsOf({ words }: ShellCommand): string {
  return words.map(({ text }) => text).join(' ');
}

function spansOf(word: CodeWord): readonly Span[] {
  const { text } = word.mapped;
  const given = option.exec(text);
  if (given) {
    const start = text.indexOf('=') + 1;
    return [{ start, end: text.length, system: systemOf(given[1], given[2]) }];
  }
  const before = word.index === undefined ? '' : (word.command?.words[word.index - 1]?.text ?? '');
  const alone = triple.exec(text);
  if (alone && (/^--(?:host|build|target)$/.test(before) || isTripleName(word.name)))
    return [{ start: 0, end: text.length, system: systemOf(alone[1], alone[2]) }];
  const opensslTarget = /^linux-x86_64(?:-clang)?$/.exec(text);
  if (opensslTarget && /^(?:Configure|config)$/i.test(word.command?.name ?? ''))
    return [{ start: 0, end: 'linux-x86_64'.length, system: 'openssl' }];
  if (text.includes('://')) return [];
  return [...text.matchAll(compiler)].map((match) => ({
    start: match.index,
    end: match.index + match[0].length,
    system: match[1] ?? '',
  }));
}

/** A 32-bit x86 has no counterpart. */
function systemOf(processor: string | undefined, system: string | undefined): string {
  return processor === 'x86_64' ? (system ?? '') : '';
}

function isTripleName(variable: string | undefined): boolean {
  return variable !== undefined && /(?:^|_)(?:CHOST|TRIPLET?|GNU_TYPE|HOST_TYPE|BUILD_TYPE)$/i.test(variable);
}

function textOn(key: string, system: string, armel: () => boolean): string | undefined {
  if (system === 'openssl') return key === 'linux/arm64' ? 'linux-aarch64' : 'linux-armv4';
  if (system === '-alpine-linux-musl') return nameIn('musl-triple', key);
  if (system === '') return undefined;
  if (key === 'linux/arm64') return `aarch64${system}`;
  if (system.includes('redhat') || system.includes('suse')) return undefined;
  if (key === 'linux/arm/v7') return `arm${system}eabihf`;
  if (key !== 'linux/arm/v6') return undefined;
  if (system.endsWith('musl')) return `arm${system}eabihf`;
  return armel() ? `arm${system}eabi` : undefined;
}
