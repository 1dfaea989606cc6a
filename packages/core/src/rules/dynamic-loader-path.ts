import { isArmelBase } from '../analysis/armel-base.ts';
import { isLeftOut, readCode } from '../analysis/code-words.ts';
import { type Base, resolveBase, resolveSources } from '../dockerfile/base.ts';
import type { Dockerfile, Instruction } from '../dockerfile/model.ts';
import { platformKey } from '../fixes/variation.ts';
import { nameIn } from '../knowledge/architecture-names.ts';
import { armPlatforms, isLeftAlone } from './code-finding.ts';
import type { Finding, Rule, RuleContext } from './rule.ts';
import { findingsOf, type WordHit } from './word-hits.ts';

const name = 'dynamic-loader-path';

const loader = /(?:\/lib64\/|\/lib\/)?ld-linux-x86-64\.so\.2|ld-musl-x86_64\.so\.1|libc\.musl-x86_64\.so\.1/g;

/** The names of musl's library, which packages depend on; Alpine's armhf is ARMv6. */
const muslLibrary: Readonly<Record<string, string>> = {
  'linux/arm64': 'libc.musl-aarch64.so.1',
  'linux/arm/v7': 'libc.musl-armv7.so.1',
  'linux/arm/v6': 'libc.musl-armhf.so.1',
};

const trigger = /x86[-_]64\.so\.[12]|\/lib64/;

export const dynamicLoaderPath: Rule = {
  name,
  summary: "The path is that of x86's program loader, e.g. /lib64/ld-linux-x86-64.so.2.",
  page: {
    why: 'Each architecture has its own loader: /lib/ld-linux-aarch64.so.1 on arm64, /lib/ld-linux-armhf.so.3 on arm/v7. A copy or link of x86’s fails or does nothing. On Alpine such a link usually serves an x86 program made for glibc: its download is the real finding.',
    bad: 'FROM alpine\nRUN mkdir /lib64 && ln -s /lib/libc.musl-x86_64.so.1 /lib64/ld-linux-x86-64.so.2',
    good: 'FROM alpine\nRUN apk add --no-cache gcompat',
    silent: ['The code runs on x86 only.'],
  },
  async check(dockerfile, context) {
    const platforms = armPlatforms(context);
    if (platforms.length === 0 || !trigger.test(dockerfile.text)) return [];
    const hits = readCode(dockerfile, context)
      .wordsAbout(trigger)
      .flatMap((word): readonly WordHit[] => {
        const { text } = word.mapped;
        if (isLeftAlone(word) || !text.includes('.so.')) return [];
        if (text.includes('://')) return [];
        return [...text.matchAll(loader)].map((match) => {
          const texts: Record<string, string> = {};
          for (const platform of platforms) {
            const key = platformKey(platform);
            const own = textOn(key, match[0], () => isArmelBase(dockerfile, word.stage, context));
            if (own !== undefined) texts[key] = own;
          }
          return {
            word,
            start: match.index,
            end: match.index + match[0].length,
            texts,
            name: 'loader',
            fix: 'semi',
            message: `${match[0].replace(/^.*\//, '')} is x86's`,
          };
        });
      });
    return [...findingsOf(name, dockerfile, context, hits), ...folderCopies(dockerfile, context)];
  },
};

const rpm =
  /fedora|centos|rocky|alma|\bubi\d?|redhat|rhel|amazonlinux|oraclelinux|suse|photon|mariner|azurelinux/i;

/** `COPY --from=… /lib64`: of the distributions for ARM only those of RPM have the folder. */
function folderCopies(dockerfile: Dockerfile, context: RuleContext): readonly Finding[] {
  return dockerfile.stages.flatMap((stage) =>
    isLeftOut(stage)
      ? []
      : stage.instructions.flatMap((instruction): readonly Finding[] => {
          const from = instruction.flags.some((flag) => flag.name === 'from');
          const word = instruction.words.slice(0, -1).find(({ raw }) => /^\/lib64(?:\/\*?)?$/.test(raw));
          if (instruction.keyword !== 'COPY' || !from || !word) return [];
          if (sourceNames(dockerfile, instruction, context).some((image) => rpm.test(image))) return [];
          return [
            {
              rule: name,
              severity: 'warning',
              platforms: armPlatforms(context),
              message: '/lib64 holds the loader of amd64; Debian and Alpine for ARM have no such folder',
              hint: 'copy the libraries that the program names, or link it statically',
              range: word.range,
              fix: 'none',
              edits: [],
            },
          ];
        }),
  );
}

/** The images that an instruction copies from, through stages. */
function sourceNames(
  dockerfile: Dockerfile,
  instruction: Instruction,
  context: RuleContext,
): readonly string[] {
  try {
    return resolveSources(dockerfile, instruction).flatMap(({ base }): readonly string[] => {
      let reached: Base = base;
      while (reached.kind === 'stage') reached = resolveBase(dockerfile, reached.stage, context);
      return reached.kind === 'image' ? [reached.name] : [];
    });
  } catch {
    return [];
  }
}

function textOn(key: string, written: string, armel: () => boolean): string | undefined {
  if (written.startsWith('libc.')) return muslLibrary[key];
  const file = written.includes('musl') ? nameIn('ld-musl', key) : nameIn('ld-glibc', key);
  if (file === undefined) return undefined;
  // ARMv6 has the hard-float loader in Raspbian, the soft-float one in Debian.
  if (key === 'linux/arm/v6' && !written.includes('musl') && !armel()) return undefined;
  return written.startsWith('/') ? file : file.replace(/^.*\//, '');
}
