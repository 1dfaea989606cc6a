import { formatPlatform } from '@mabuild/oci';
import { variationOf } from '../analysis/arch-places.ts';
import { readCode } from '../analysis/code-words.ts';
import { checksumName } from '../analysis/download-checksums.ts';
import { readOpenChecksums } from '../fixes/open-checksum.ts';
import { platformKey } from '../fixes/variation.ts';
import { armPlatforms, knownPlatforms, placesFor, spanRange } from './code-finding.ts';
import { shortened } from './download-finding.ts';
import { mentions, wordsOf } from './mentions.ts';
import type { Rule } from './rule.ts';

const name = 'checksum-tied-to-arch';
/** What the portable style writes where a checksum is not known: no file has it. */
const placeholders = /-asset-here/;
const placeholder = /\bput-the-(\w+)-of-the-(\w+)-asset-here\b/g;

export const checksumTiedToArch: Rule = {
  name,
  summary: 'A checksum belongs to the x86 file of a download.',
  page: {
    why: 'Every platform has its own file, so every platform has its own checksum. mabuild never drops a check and never invents a checksum: without the right one the build stops.',
    bad: 'FROM debian:bookworm\nRUN curl -fsSLo gosu https://github.com/tianon/gosu/releases/download/1.17/gosu-amd64 && echo "bbc4136d03ab138b1ad66fa4fc051bafc6cc7ffae632b069a53657279a450de3  gosu" | sha256sum -c -',
    good: 'FROM debian:bookworm\nRUN curl -fsSLO https://example.org/source-1.0.tar.gz && echo "bbc4136d03ab138b1ad66fa4fc051bafc6cc7ffae632b069a53657279a450de3  source-1.0.tar.gz" | sha256sum -c -',
    silent: [
      'The file is the same for every platform, e.g. a source archive.',
      'The digits are a commit or the fingerprint of a key.',
    ],
  },
  async check(dockerfile, context) {
    const platforms = armPlatforms(context);
    if (platforms.length === 0 || !mentions(dockerfile, context, wordsOf.checksum)) return [];
    const reading = readCode(dockerfile, context);
    const tied = (await placesFor(dockerfile, context)).filter(
      ({ kind, word }) => kind === 'checksum' && !word.buildPlatform,
    );
    const findings = tied.map((place) => {
      const { asset, url } = place.download;
      const algorithm = checksumName(place.word.mapped.text.slice(place.start, place.end));
      const variation = variationOf(place, algorithm);
      const known = variation !== undefined && knownPlatforms(platforms, place.texts).unknown.length === 0;
      return {
        rule: name,
        severity: 'error' as const,
        platforms,
        message: `a ${algorithm} is that of the x86 file ${shortened(url)}`,
        hint: known
          ? 'the publisher says what the others are'
          : asset?.checksums
            ? `the publisher's are at ${asset.checksums.url}`
            : 'take the checksum of each platform from the publisher',
        range: spanRange(place.word, place),
        fix: known ? ('auto' as const) : ('none' as const),
        edits: [],
        ...(known && variation ? { variations: [variation] } : {}),
      };
    });
    const open = reading.wordsAbout(placeholders).flatMap((word) =>
      [...word.mapped.text.matchAll(placeholder)].map((match) => ({
        rule: name,
        severity: 'error' as const,
        platforms: platforms.filter(
          (platform) =>
            platformKey(platform)
              .replace(/^linux\//, '')
              .replace('/', '') === match[2],
        ),
        message: `the ${match[1]} for ${match[2]} is still to be filled in`,
        hint: 'take it from the publisher; until then the build for this platform stops here',
        range: spanRange(word, { start: match.index, end: match.index + match[0].length }),
        fix: 'none' as const,
        edits: [],
      })),
    );
    const noted = dockerfile.instructions.flatMap((instruction) =>
      readOpenChecksums(instruction).map((open) => ({
        rule: name,
        severity: 'error' as const,
        platforms: platforms.filter((platform) => formatPlatform(platform) === open.platform),
        message: `the ${open.name} for ${open.platform} is still to be filled in`,
        hint: 'take it from the publisher, then take the comment away',
        range: instruction.keywordRange,
        fix: 'none' as const,
        edits: [],
      })),
    );
    return [...findings, ...[...open, ...noted].filter(({ platforms: asked }) => asked.length > 0)];
  },
};
