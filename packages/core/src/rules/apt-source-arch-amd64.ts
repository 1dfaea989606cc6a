import { isArmelBase } from '../analysis/armel-base.ts';
import { type CodeWord, readCode } from '../analysis/code-words.ts';
import type { Dockerfile } from '../dockerfile/model.ts';
import { platformKey } from '../fixes/variation.ts';
import { aptRepositoryArchitectures } from '../knowledge/apt-repositories.ts';
import { nameIn } from '../knowledge/architecture-names.ts';
import { armPlatforms, isLeftAlone } from './code-finding.ts';
import type { Rule, RuleContext } from './rule.ts';
import { findingsOf, type WordHit } from './word-hits.ts';

const name = 'apt-source-arch-amd64';

/** `deb [signed-by=… arch=amd64,i386] https://…` */
const oneLine = /\bdeb(?:-src)?[\t ]+\[[^\]]*?\barch[\t ]*=[\t ]*([\w-]+(?:,[\w-]+)*)[^\]]*\][\t ]*(\S*)/dg;
const stanza = /^[\t ]*Architectures:[\t ]*([\w-]+(?:[\t ]+[\w-]+)*)[\t ]*$/dgm;
const armNames: ReadonlySet<string> = new Set(['arm64', 'armhf', 'armel', 'armv7', 'aarch64']);

const trigger = /amd64/;

export const aptSourceArchAmd64: Rule = {
  name,
  summary: 'A source of apt is restricted to amd64: deb [arch=amd64] ….',
  page: {
    why: 'With [arch=amd64] apt reads the index of amd64 alone: on ARM it finds none of the packages of that source. $(dpkg --print-architecture) says the architecture of the image. Whether the publisher has packages for ARM is another question.',
    bad: 'FROM debian:bookworm\nRUN echo "deb [arch=amd64] https://download.docker.com/linux/debian bookworm stable" > /etc/apt/sources.list.d/docker.list',
    good: 'FROM debian:bookworm\nRUN echo "deb [arch=$(dpkg --print-architecture)] https://download.docker.com/linux/debian bookworm stable" > /etc/apt/sources.list.d/docker.list',
    perArch: {
      platform: 'linux/arm/v7',
      text: 'RUN echo "deb [arch=armhf] https://download.docker.com/linux/debian bookworm stable" > /etc/apt/sources.list.d/docker.list',
    },
    silent: [
      'The list names the architecture of the platform too: [arch=amd64,arm64] for arm64.',
      'The file adds an ARM architecture with dpkg --add-architecture: the source is the host half of a cross build.',
      'The source is written on x86 only: if, case.',
    ],
  },
  async check(dockerfile, context) {
    if (armPlatforms(context).length === 0 || !trigger.test(dockerfile.text)) return [];
    if (/--add-architecture[= \t]+(?:arm|aarch)/.test(dockerfile.text)) return [];
    const hits = readCode(dockerfile, context)
      .wordsAbout(trigger)
      .flatMap((word) => {
        const { text } = word.mapped;
        if (isLeftAlone(word) || !text.includes('amd64')) return [];
        const lines = text.includes('arch') && text.includes('deb') ? [...text.matchAll(oneLine)] : [];
        const stanzas = text.includes('Types:') ? [...text.matchAll(stanza)] : [];
        return [
          ...lines.flatMap((match) => hitsOf(dockerfile, context, word, match, match[2])),
          ...stanzas.flatMap((match) =>
            hitsOf(dockerfile, context, word, match, /^[\t ]*URIs:[\t ]*(\S+)/m.exec(text)?.[1]),
          ),
        ];
      });
    return findingsOf(name, dockerfile, context, hits);
  },
};

function hitsOf(
  dockerfile: Dockerfile,
  context: RuleContext,
  word: CodeWord,
  match: RegExpExecArray,
  url: string | undefined,
): readonly WordHit[] {
  const list = match[1] ?? '';
  const names = list.split(/[,\t ]+/);
  if (!names.includes('amd64')) return [];
  const listAt = match.indices?.[1]?.[0] ?? match.index;
  const start = listAt + list.search(/(?<![\w-])amd64(?![\w-])/);
  const published = url === undefined ? undefined : aptRepositoryArchitectures(url);
  const texts: Record<string, string> = {};
  const restricted = armPlatforms(context).filter((platform) => {
    const key = platformKey(platform);
    const own = nameIn('dpkg', platform);
    if (own !== undefined && names.includes(own)) return false;
    const isKnown = key !== 'linux/arm/v6' || isArmelBase(dockerfile, word.stage, context);
    const isPublished = published === undefined || (own !== undefined && published.includes(own));
    // Who lists one ARM architecture says which of them there are.
    if (own !== undefined && isKnown && isPublished && !names.some((item) => armNames.has(item)))
      texts[key] = own;
    return true;
  });
  const hit = {
    word,
    start,
    end: start + 'amd64'.length,
    platforms: restricted,
    message: `the source of apt is for ${names.join(' and ')} alone`,
  };
  const isFixed = Object.keys(texts).length > 0;
  return [
    {
      ...hit,
      texts,
      ...(isFixed ? { shell: { text: '$(dpkg --print-architecture)', args: [] } } : {}),
      ...(published && restricted.some((platform) => !published.includes(nameIn('dpkg', platform) ?? ''))
        ? { hint: `its publisher has packages for ${published.join(', ')}` }
        : {}),
    },
  ];
}
