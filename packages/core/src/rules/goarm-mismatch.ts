import { normalizePlatform } from '@mabuild/oci';
import { readCode } from '../analysis/code-words.ts';
import { armPlatforms, spanRange } from './code-finding.ts';
import type { Finding, Rule } from './rule.ts';

const name = 'goarm-mismatch';

const trigger = /GOARM/;

export const goarmMismatch: Rule = {
  name,
  summary: 'GOARM is for another 32-bit ARM than the one that is built.',
  page: {
    why: 'A program that is built with GOARM=7 dies on an ARMv6 board with an illegal instruction; one that is built with GOARM=5 runs everywhere, with its floating point in software.',
    bad: 'FROM golang:1.22-bookworm\nENV GOARM=5\nRUN go build -o /app .',
    good: 'FROM golang:1.22-bookworm\nARG TARGETVARIANT\nRUN GOARM=${TARGETVARIANT#v} go build -o /app .',
    perArch: {
      platform: 'linux/arm/v7',
      text: 'FROM golang:1.22-bookworm\nENV GOARM=7\nRUN go build -o /app .',
    },
    silent: ['The platform is 64-bit: Go does not read GOARM there.'],
  },
  async check(dockerfile, context) {
    const platforms = armPlatforms(context).filter(
      (platform) => normalizePlatform(platform).architecture === 'arm',
    );
    if (platforms.length === 0 || !trigger.test(dockerfile.text)) return [];
    return readCode(dockerfile, context)
      .wordsAbout(trigger)
      .flatMap((word): readonly Finding[] => {
        if (word.name !== 'GOARM' || word.role === 'label' || word.guarded || word.mapped.switched) return [];
        const { text } = word.mapped;
        const given = /^[5-7]/.exec(text)?.[0];
        const wrong = platforms.filter((platform) => `v${given}` !== normalizePlatform(platform).variant);
        if (wrong.length === 0) return [];
        const newer = wrong.filter(
          (platform) => given !== undefined && `v${given}` > (normalizePlatform(platform).variant ?? ''),
        );
        const fatal = newer.length > 0;
        return [
          {
            rule: name,
            severity: fatal ? 'error' : 'info',
            platforms: fatal ? newer : wrong,
            message:
              given === undefined ? 'GOARM has no value in the file' : `GOARM is ${given}, whatever is built`,
            hint: 'take it from the platform: ARG TARGETVARIANT and GOARM=${TARGETVARIANT#v}',
            range: spanRange(word, { start: 0, end: text.length }),
            fix: 'none',
            edits: [],
          },
        ];
      });
  },
};
