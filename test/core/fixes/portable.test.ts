import { applyEdits, parseDockerfile } from '@mabuild/core';
import { parsePlatformList } from '@mabuild/oci';
import { expect } from 'chai';
import { portableEdits } from '../../../packages/core/src/fixes/portable.ts';
import { type Marked, readMarked } from '../../support/variations.ts';

const marked: Readonly<Record<string, Marked>> = {
  amd64: { arm64: 'arm64', v7: 'arm', v6: 'arm' },
  'linux/amd64': { arm64: 'linux/arm64', v7: 'linux/arm/v7' },
  variant: { arm64: 'arm64', v7: 'armv7' },
  x64: { arm64: 'arm64', v7: 'armv7l' },
  only: { arm64: 'ARM' },
  '0123': { name: 'sha256', arm64: '4567' },
  quote: { arm64: 'a"b', v7: 'x' },
};

type Row = readonly [title: string, before: string, after: string, platforms?: string];

const expanded: readonly Row[] = [
  [
    'ENV, LABEL, WORKDIR, USER, VOLUME, COPY and ADD',
    'FROM a\n# env\nENV A=«amd64» B="x-«amd64»"\nLABEL l=«amd64»\nWORKDIR /«amd64»\nUSER u«amd64»\nVOLUME /«amd64»\nCOPY x-«amd64» /\nADD http://a/«amd64».tar /\n',
    'FROM a\nARG TARGETARCH\n# env\nENV A=${TARGETARCH} B="x-${TARGETARCH}"\nLABEL l=${TARGETARCH}\nWORKDIR /${TARGETARCH}\nUSER u${TARGETARCH}\nVOLUME /${TARGETARCH}\nCOPY x-${TARGETARCH} /\nADD http://a/${TARGETARCH}.tar /\n',
  ],
  ['an old ENV', 'FROM a\nENV A «amd64»\n', 'FROM a\nARG TARGETARCH\nENV A ${TARGETARCH}\n'],
  ['ARG', 'FROM a\nARG A=«amd64» B\n', 'FROM a\nARG TARGETARCH\nARG A=${TARGETARCH} B\n'],
  ['ARG above FROM', 'ARG A=«amd64»\nFROM a\n', 'ARG A=${TARGETARCH}\nFROM a\n'],
  ['a platform', 'FROM a\nENV P=«linux/amd64»\n', 'FROM a\nARG TARGETPLATFORM\nENV P=${TARGETPLATFORM}\n'],
  [
    'another ARG is there',
    'FROM a\nARG TARGETARCH\nENV A=«amd64»\n',
    'FROM a\nARG TARGETARCH\nENV A=${TARGETARCH}\n',
  ],
  [
    'ONBUILD',
    'FROM a\nONBUILD ENV A=«amd64»\n',
    'FROM a\nONBUILD ARG TARGETARCH\nONBUILD ENV A=${TARGETARCH}\n',
  ],
];

/** The stages of one place: what amd64 has is where it was. */
function stages(prefix: string, ...texts: readonly (readonly [string, string])[]): string {
  return texts.map(([label, text]) => `FROM ${prefix}-base AS ${prefix}-${label}\n${text}\n\n`).join('');
}

const on = 'FROM app-${TARGETARCH}${TARGETVARIANT} AS app';

const selected: readonly Row[] = [
  [
    'a stage without a name',
    'FROM a\nRUN b\n\n# why\nENV A=«x64»\nRUN c\n',
    `FROM a AS app-base\nRUN b\n\n${stages('app', ['amd64', '# why\nENV A=x64'], ['arm64', 'ENV A=arm64'], ['armv7', 'ENV A=armv7l'])}${on}\nRUN c\n`,
  ],
  [
    'no variant asked for',
    'FROM a\nENV A=«x64»',
    'FROM a AS app-base\n\nFROM app-base AS app-amd64\nENV A=x64\n\nFROM app-base AS app-arm64\nENV A=arm64\n\nFROM app-${TARGETARCH} AS app',
    'linux/arm64',
  ],
  [
    'a stage with a name and a platform, lower case',
    'from --platform=$TARGETPLATFORM a as Tools\r\nenv A=«x64»\r\nfrom tools\r\n',
    'from --platform=$TARGETPLATFORM a as tools-base\r\n\r\nfrom tools-base as tools-amd64\r\nenv A=x64\r\n\r\nfrom tools-base as tools-arm64\r\nenv A=arm64\r\n\r\nfrom tools-${TARGETARCH} as Tools\r\nfrom tools\r\n',
    'linux/arm64',
  ],
  [
    'neighbours, numbers of stages, names that are taken',
    'FROM a\nENV A=«x64»\nCOPY --from=app-base /«x64» /\nFROM b\nCOPY --from=0 /x /\nADD http://a/«x64» /\nFROM c AS app\nCOPY --from=1 /x /\nCOPY --from=2 /y /z/\n',
    `FROM a AS stage0-base\n\n${stages('stage0', ['amd64', 'ENV A=x64\nCOPY --from=app-base /x64 /'], ['arm64', 'ENV A=arm64\nCOPY --from=app-base /arm64 /'], ['armv7', 'ENV A=armv7l\nCOPY --from=app-base /armv7l /'])}FROM stage0-\${TARGETARCH}\${TARGETVARIANT} AS stage0\nFROM b AS stage1-base\nCOPY --from=4 /x /\n\n${stages('stage1', ['amd64', 'ADD http://a/x64 /'], ['arm64', 'ADD http://a/arm64 /'], ['armv7', 'ADD http://a/armv7l /'])}FROM stage1-\${TARGETARCH}\${TARGETVARIANT} AS stage1\nFROM c AS app\nCOPY --from=9 /x /\nCOPY --from=10 /y /z/\n`,
  ],
  [
    'two places of one stage, with a number in one',
    'FROM z\nFROM a AS b\nENV A=«x64»\nRUN c\nCOPY --from=0 /«x64» /\nCOPY --from=0 /d /e\n',
    `FROM z\nFROM a AS b-base\n\n${stages('b', ['amd64', 'ENV A=x64'], ['arm64', 'ENV A=arm64'], ['armv7', 'ENV A=armv7l'])}FROM b-\${TARGETARCH}\${TARGETVARIANT} AS b-2-base\nRUN c\n\n${stages('b-2', ['amd64', 'COPY --from=0 /x64 /'], ['arm64', 'COPY --from=0 /arm64 /'], ['armv7', 'COPY --from=0 /armv7l /'])}FROM b-2-\${TARGETARCH}\${TARGETVARIANT} AS b\nCOPY --from=0 /d /e\n`,
  ],
  [
    'what runs later',
    `FROM a\nHEALTHCHECK CMD /«x64»\nENTRYPOINT exec "/«amd64»" \\\n  '«x64»'\nCMD ["/«x64»", "-v"]\nSTOPSIGNAL «x64»\n`,
    `FROM a AS app-base\n\n${stages(
      'app',
      [
        'amd64',
        `HEALTHCHECK CMD /x64\nENTRYPOINT exec "/amd64" \\\n  'x64'\nCMD ["/x64", "-v"]\nSTOPSIGNAL x64`,
      ],
      [
        'arm64',
        `HEALTHCHECK CMD /arm64\nENTRYPOINT exec "/arm64" \\\n  'arm64'\nCMD ["/arm64", "-v"]\nSTOPSIGNAL arm64`,
      ],
      [
        'armv7',
        `HEALTHCHECK CMD /armv7l\nENTRYPOINT exec "/arm" \\\n  'armv7l'\nCMD ["/armv7l", "-v"]\nSTOPSIGNAL armv7l`,
      ],
    )}${on}\n`,
  ],
  [
    'a checksum and a text that are not known',
    'FROM a\nADD --checksum=sha256:«0123» http://a/«x64» /\nENV A=«only»\n',
    `FROM a AS app-base\n\n${stages('app', ['amd64', 'ADD --checksum=sha256:0123 http://a/x64 /\nENV A=only'], ['arm64', 'ADD --checksum=sha256:4567 http://a/arm64 /\nENV A=ARM'], ['armv7', 'RUN echo "unsupported platform: linux/arm/v7" >&2; exit 1'])}${on}\n`,
  ],
  [
    'a checksum that is not known',
    'FROM a\nADD --checksum=sha256:«0123» http://a/«x64» /\n',
    `FROM a AS app-base\n\n${stages('app', ['amd64', 'ADD --checksum=sha256:0123 http://a/x64 /'], ['arm64', 'ADD --checksum=sha256:4567 http://a/arm64 /'], ['armv7', 'ADD --checksum=sha256:put-the-sha256-of-the-armv7-asset-here http://a/armv7l /'])}${on}\n`,
  ],
  [
    'single quotes and a flag expand nothing',
    `FROM a\nENV A='«amd64»'\nRUN b\nCOPY --from=x/«amd64» / /\n`,
    `FROM a AS app-base\n\n${stages('app', ['amd64', `ENV A='amd64'`], ['arm64', `ENV A='arm64'`], ['armv7', `ENV A='arm'`])}FROM app-\${TARGETARCH}\${TARGETVARIANT} AS app-2-base\nRUN b\n\n${stages('app-2', ['amd64', 'COPY --from=x/amd64 / /'], ['arm64', 'COPY --from=x/arm64 / /'], ['armv7', 'COPY --from=x/arm / /'])}FROM app-2-\${TARGETARCH}\${TARGETVARIANT} AS app\n`,
  ],
  [
    'a RUN behind it, and one before',
    'FROM a\nRUN echo «amd64»\nENV A=«x64»\nRUN echo «amd64»\n',
    `FROM a AS app-base\nARG TARGETARCH\nRUN echo \${TARGETARCH}\n\n${stages('app', ['amd64', 'ENV A=x64'], ['arm64', 'ENV A=arm64'], ['armv7', 'ENV A=armv7l'])}${on}\nRUN echo \${TARGETARCH}\n`,
  ],
  [
    'a RUN behind it alone',
    'FROM a\nENV A=«x64»\n# run\nRUN echo «amd64»\n',
    `FROM a AS app-base\n\n${stages('app', ['amd64', 'ENV A=x64'], ['arm64', 'ENV A=arm64'], ['armv7', 'ENV A=armv7l'])}${on}\nARG TARGETARCH\n# run\nRUN echo \${TARGETARCH}\n`,
  ],
  [
    'ENTRYPOINT clears the CMD of an earlier stage',
    'FROM a\nCMD ["x"]\nRUN echo «x64»\nENV B=1\nENTRYPOINT ["/«x64»"]\nUSER b\n',
    `FROM a AS app-base\n\n${stages('app', ['amd64', 'CMD ["x"]\nRUN echo x64\nENV B=1\nENTRYPOINT ["/x64"]'], ['arm64', 'CMD ["x"]\nRUN echo arm64\nENV B=1\nENTRYPOINT ["/arm64"]'], ['armv7', 'CMD ["x"]\nRUN echo armv7l\nENV B=1\nENTRYPOINT ["/armv7l"]'])}${on}\nUSER b\n`,
  ],
  [
    'a few lines between',
    'FROM a\nENV A=«x64»\nWORKDIR /w\nENV G=«amd64» H=1\nCOPY «x64» /\nEXPOSE 1\nLABEL x="1\\\n2\\\n3"\nUSER «x64»\n',
    `FROM a AS app-base\n\n${stages('app', ['amd64', 'ENV A=x64\nWORKDIR /w\nENV G=amd64 H=1\nCOPY x64 /'], ['arm64', 'ENV A=arm64\nWORKDIR /w\nENV G=arm64 H=1\nCOPY arm64 /'], ['armv7', 'ENV A=armv7l\nWORKDIR /w\nENV G=arm H=1\nCOPY armv7l /'])}FROM app-\${TARGETARCH}\${TARGETVARIANT} AS app-2-base\nEXPOSE 1\nLABEL x="1\\\n2\\\n3"\n\n${stages('app-2', ['amd64', 'USER x64'], ['arm64', 'USER arm64'], ['armv7', 'USER armv7l'])}FROM app-2-\${TARGETARCH}\${TARGETVARIANT} AS app\n`,
  ],
  [
    'RUNs that no variable reaches',
    `FROM a\nRUN ["echo", "«x64»"]\nRUN if true; then echo «x64»\nRUN echo «x64» && cat <<'EOF'\n«x64»\nEOF\n`,
    `FROM a AS app-base\n\n${stages('app', ['amd64', `RUN ["echo", "x64"]\nRUN if true; then echo x64\nRUN echo x64 && cat <<'EOF'\nx64\nEOF`], ['arm64', `RUN ["echo", "arm64"]\nRUN if true; then echo arm64\nRUN echo arm64 && cat <<'EOF'\narm64\nEOF`], ['armv7', `RUN ["echo", "armv7l"]\nRUN if true; then echo armv7l\nRUN echo armv7l && cat <<'EOF'\narmv7l\nEOF`])}${on}\n`,
  ],
  [
    'an ARG above FROM that stages declare',
    'ARG A=b-«x64» B=1\nFROM a\nARG B A\nRUN $A\n',
    `ARG A=b-x64 B=1\nFROM a AS app-base\n\n${stages('app', ['amd64', 'ARG B A'], ['arm64', 'ARG B A=b-arm64'], ['armv7', 'ARG B A=b-armv7l'])}${on}\nRUN $A\n`,
  ],
  [
    'another escape character',
    '# escape=`\nFROM a\nRUN echo `\n  «x64»\n',
    `# escape=\`\nFROM a AS app-base\n\n${stages('app', ['amd64', 'RUN echo `\n  x64'], ['arm64', 'RUN echo `\n  arm64'], ['armv7', 'RUN echo `\n  armv7l'])}${on}\n`,
  ],
  [
    'a name that is a part of another',
    'FROM a\nCOPY --from=app-amd64 / /\nENV A=«x64»\n',
    `FROM a AS app2-base\nCOPY --from=app-amd64 / /\n\n${stages('app2', ['amd64', 'ENV A=x64'], ['arm64', 'ENV A=arm64'], ['armv7', 'ENV A=armv7l'])}FROM app2-\${TARGETARCH}\${TARGETVARIANT} AS app\n`,
  ],
  [
    'a body that nothing expands',
    `FROM a\nCOPY <<'EOF' /x\n«amd64»\nEOF\nUSER b\n`,
    `FROM a AS app-base\n\n${stages('app', ['amd64', `COPY <<'EOF' /x\namd64\nEOF`], ['arm64', `COPY <<'EOF' /x\narm64\nEOF`], ['armv7', `COPY <<'EOF' /x\narm\nEOF`])}${on}\nUSER b\n`,
  ],
];

const refusedRows: readonly (readonly [title: string, before: string])[] = [
  ['another text in a global ARG', 'ARG A=«x64»\nFROM a\n'],
  ['another text in a global ARG that a FROM reads', 'ARG A=«x64»\nFROM a:$A\nARG A\n'],
  ['another text in a global ARG that another one reads', 'ARG A=«x64»\nARG B=${A}\nFROM a\nARG A\n'],
  ['another text in a global ARG of what is not known', 'ARG A=$B-«x64»\nFROM a\nARG A\n'],
  [
    'another text in a global ARG of a stage on the build platform',
    'ARG A=«x64»\nFROM --platform=$BUILDPLATFORM a\nARG A\n',
  ],
  ['single quotes in a global ARG', `ARG A='«amd64»'\nFROM a\n`],
  ['another text in ONBUILD', 'FROM a\nONBUILD ENV A=«x64»\n'],
  ['a stage with ONBUILD', 'FROM a\nONBUILD RUN b\nENV A=«x64»\n'],
  ['a stage on one with ONBUILD', 'FROM a AS b\nONBUILD RUN b\nFROM b\nENV A=«x64»\n'],
  ['quotes in the text', 'FROM a\nCMD ["«quote»"]\n'],
];

const both = 'linux/arm64,linux/arm/v7';

describe('one file for every platform', () => {
  for (const [title, before, after, platforms = both] of [...expanded, ...selected]) {
    it(title, () => {
      const { text, dockerfile, variations } = readMarked(before, marked);
      const { edits, refused } = portableEdits(dockerfile, variations, parsePlatformList(platforms));
      expect(refused).to.deep.equal([]);
      const result = applyEdits(text, edits);
      expect(result).to.equal(after);
      const again = parseDockerfile(result);
      expect(portableEdits(again, [], parsePlatformList(platforms)).edits).to.deep.equal([]);
    });
  }
  for (const [title, before] of refusedRows) {
    it(`refuses ${title}`, () => {
      const { dockerfile, variations } = readMarked(before, marked);
      const { edits, refused } = portableEdits(dockerfile, variations, parsePlatformList(both));
      expect(refused).to.not.be.empty;
      expect(edits).to.deep.equal([]);
    });
  }
});
