import type { Row } from './row.ts';

const platformArgs =
  'ARG TARGETPLATFORM TARGETOS TARGETARCH TARGETVARIANT\nENV T=$TARGETPLATFORM,$TARGETOS,$TARGETARCH,$TARGETVARIANT';

export const stageRows: readonly Row[] = [
  ['FROM alone', 'FROM BASE'],
  ['FROM scratch with a file', 'FROM scratch\nCOPY a.txt /'],
  ['FROM scratch with metadata alone', 'FROM scratch\nENV A=b\nLABEL c=d'],
  ['FROM AS and a second stage', 'FROM BASE AS one\nCOPY a.txt /x\nFROM one\nENV Q=1'],
  [
    'a stage on a stage on a stage',
    'FROM BASE AS one\nENV A=2\nFROM one AS two\nENV B=$A\nFROM two\nENV C=$B',
  ],
  [
    'the name of a stage in other case',
    'FROM BASE AS One\nENV A=2\nFROM oNE\nLABEL a=$A',
    { refused: /oNE/ },
  ],
  [
    'a stage that has the name of one before',
    'FROM BASE AS one\nENV A=2\nFROM scratch AS one\nCOPY a.txt /\nFROM one',
  ],
  ['a stage that is not needed', 'FROM scratch AS unused\nCOPY not-there /\nFROM BASE\nLABEL a=b'],
  [
    'a stage that is not needed and whose base is nowhere',
    'FROM URL/none AS unused\nFROM BASE'.replace('URL/', 'localhost:1/'),
  ],
  ['--target', 'FROM BASE AS one\nENV A=one\nFROM BASE AS two\nENV A=two', { target: 'one' }],
  ['--target in other case', 'FROM BASE AS one\nENV A=one\nFROM BASE AS two\nENV A=two', { target: 'ONE' }],
  [
    '--target by number',
    'FROM BASE AS one\nENV A=one\nFROM BASE AS two\nENV A=two',
    { target: '0', expected: { 'srv/old': 'file 644 0:0 "old"' } },
  ],
  ['a target that is not there', 'FROM BASE AS one', { target: 'none', refused: /none/ }],
  ['a global ARG in FROM', 'ARG NAME=BASE\nFROM ${NAME}\nARG NAME\nENV GOT=$NAME'],
  ['a global ARG that is given', 'ARG NAME=none\nFROM $NAME\nARG NAME', { buildArgs: { NAME: 'scratch' } }],
  ['a global ARG with a default in FROM', 'ARG NAME\nFROM ${NAME:-BASE}'],
  ['a global ARG that is empty in FROM', 'ARG NAME\nFROM $NAME', { refused: /should not be blank/ }],
  ['a global ARG is not seen without its own line', 'ARG X=1\nFROM BASE\nENV GOT=${X:-unset}'],
  ['a global ARG with another default in the stage', 'ARG X=1\nFROM BASE\nARG X=2\nENV GOT=$X'],
  ['ARGs above FROM that use each other', 'ARG X=1\nARG Y=$X.2\nFROM BASE\nARG Y\nENV GOT=$Y'],
  ['ENV of a stage is not seen in FROM', 'FROM BASE AS one\nENV NAME=one\nFROM ${NAME:-scratch}\nLABEL a=b'],
  ['FROM --platform of the target', 'FROM --platform=$TARGETPLATFORM BASE\nENV A=2'],
  ['FROM --platform by name', 'FROM --platform=linux/amd64 BASE\nENV A=2'],
  [
    'FROM --platform of what is none',
    'FROM --platform=no/such/platform/at/all BASE',
    { refused: /platform/ },
  ],
  [
    'automatic ARGs',
    'FROM BASE\nARG TARGETARCH\nARG TARGETPLATFORM\nARG BUILDOS\nENV R=$TARGETARCH,$TARGETPLATFORM,$BUILDOS,$TARGETVARIANT',
  ],
  ['automatic ARGs in FROM', 'FROM BASE AS base-amd64\nENV A=amd64\nFROM base-$TARGETARCH\nLABEL a=$A'],
  ['TARGETSTAGE', 'FROM BASE AS one\nARG TARGETSTAGE\nENV T=$TARGETSTAGE', { target: 'one' }],
  ['TARGETSTAGE without a target', 'FROM BASE\nARG TARGETSTAGE\nENV T=$TARGETSTAGE'],
  ...[
    'linux/arm64',
    'linux/arm/v7',
    'linux/arm/v6',
    'linux/arm',
    'linux/386',
    'linux/riscv64',
    'linux/amd64/v2',
  ].map((platform): Row => [`for ${platform}`, `FROM scratch\n${platformArgs}\nCOPY a.txt /`, { platform }]),
  [
    'RUN on the build platform for another',
    'FROM --platform=$BUILDPLATFORM BUSY AS one\nARG TARGETARCH\nRUN echo $TARGETARCH > /x\nFROM scratch\nCOPY --from=one /x /x',
    { platform: 'linux/s390x' },
  ],
  [
    'COPY --from an image of the target',
    'FROM scratch\nCOPY --from=BASE /opt/tool /x',
    {
      platform: 'linux/arm64',
      refused: /arm64/,
      differs: { why: 'an image of another platform is refused', refusal: true },
    },
  ],
  ['ONBUILD', 'FROM BASE\nONBUILD COPY a.txt /x\nONBUILD   ENV  A=b'],
  ['ONBUILD of RUN in both forms', 'FROM BUSY\nONBUILD RUN echo "a  b" > /x\nONBUILD RUN ["echo", "c"]'],
  [
    'ONBUILD in a stage that another stands on',
    'FROM BASE AS one\nONBUILD ENV T=1\nFROM one\nENV GOT=${T:-no}',
  ],
  ['ONBUILD of ONBUILD', 'FROM BASE\nONBUILD ONBUILD ENV A=b', { refused: /ONBUILD/ }],
  ['ONBUILD of FROM', 'FROM BASE\nONBUILD FROM BASE', { refused: /ONBUILD/ }],
  ['ONBUILD of MAINTAINER', 'FROM BASE\nONBUILD MAINTAINER me', { refused: /ONBUILD/ }],
  ['triggers of the base run', 'FROM TRIGGERS\nENV AFTER=$TRIGGERED'],
  ['triggers of the base run once', 'FROM TRIGGERS AS one\nFROM one\nENV AFTER=$TRIGGERED'],
  [
    'a base that is not there',
    'FROM URL/none'.replace('URL/', 'localhost:1/'),
    { refused: /localhost:1\/none/ },
  ],
  ['a base whose name is no name', 'FROM UPPER/case', { refused: /UPPER/ }],
  ['no FROM', 'ENV A=b', { refused: /no build stage/ }],
  ['ARG alone', 'ARG A=b', { refused: /stage|FROM/ }],
  ['an empty file', '# nothing\n', { refused: /no instructions/ }],
  ['FROM with a word too many', 'FROM BASE AS one two', { refused: /FROM requires/ }],
  ['a stage whose name is no name', 'FROM BASE AS 1st', { refused: /1st/ }],
  [
    'stages that need each other',
    'FROM BASE AS one\nCOPY --from=two /x /x\nFROM one AS two',
    { target: 'one', refused: /circular dependency/ },
  ],
  ['a named context as the base', 'FROM mine\nENV B=$A', { buildContexts: { mine: 'docker-image://BASE' } }],
  [
    'a named context instead of a stage',
    'FROM scratch AS mine\nFROM mine\nENV B=$A',
    {
      buildContexts: { mine: 'docker-image://BASE' },
      differs: {
        why: 'a named context does not take the place of a stage',
        files: '*',
        config: ['layers', 'Env', 'Cmd', 'Labels', 'ExposedPorts', 'WorkingDir', 'author'],
        history: true,
      },
    },
  ],
  ['labels of the command', 'FROM BASE\nLABEL a=b', { labels: { a: 'command', z: '1' } }],
];
