import { parsePlatformList } from '@mabuild/oci';
import { expect } from 'chai';
import { migrateDockerfile } from '../../../packages/core/src/index.ts';
import { goarchX86 } from '../../../packages/core/src/rules/goarch-x86.ts';
import { migratesOnce, runFor } from '../../support/migrates-once.ts';
import { ruleTable } from '../../support/rule-table.ts';

const goarm = {
  arm64: 'error auto: amd64 → arm64',
  v7: 'error auto: amd64 → arm GOARM=7',
  v6: 'error auto: amd64 → arm GOARM=6',
};
const plain = { arm64: goarm.arm64, v7: 'error auto: amd64 → arm', v6: 'error auto: amd64 → arm' };
const host = 'FROM --platform=$BUILDPLATFORM golang:1.22\n';

ruleTable(goarchX86, [
  { text: 'RUN CGO_ENABLED=0 GOOS=linux GOARCH=amd64 go build -o /app .', ...goarm },
  { text: `${host}RUN GOARCH=amd64 go build -o /app .`, ...goarm },
  { text: 'RUN env GOOS=linux GOARCH=amd64 go build', ...goarm },
  { text: 'RUN export GOARCH=amd64 && go build', ...goarm },
  { text: 'RUN make GOARCH=amd64 build', ...goarm },
  { text: 'RUN GOARCH=amd64 GOARM=6 go build', ...plain },
  { text: 'RUN GOARCH="amd64" go build', ...plain },
  { text: `${host}RUN GOARCH="amd64" go build`, ...plain, v6: 'error none: amd64' },
  { text: 'ENV GOARCH=amd64', ...plain },
  { text: 'ENV GOOS=linux GOARCH=amd64 CGO_ENABLED=0\nRUN go build', ...plain },
  { text: `${host}ENV GOARCH amd64`, ...plain, v6: 'error none: amd64' },
  { text: `${host}ENV GOARM=6 GOARCH=amd64`, ...plain },
  {
    text: 'ARG GOARCH=amd64\nRUN GOARCH=$GOARCH go build',
    arm64: 'warning auto: amd64 → arm64',
    v7: 'warning auto: amd64 → arm',
    v6: 'warning auto: amd64 → arm',
  },
  { text: 'RUN GOARCH=386 go build', all: 'error none: 386' },
  {
    text: 'RUN make deb -e GOARCH=amd64 && docker run -e GOARCH=amd64 x',
    arm64: `${goarm.arm64}, amd64 → arm64`,
    v7: 'error auto: amd64 → arm GOARM=7, amd64 → arm',
    v6: 'error auto: amd64 → arm GOARM=6, amd64 → arm',
  },
  // Nothing to say.
  { text: 'RUN GOARCH=$(go env GOARCH) go build' },
  { text: 'ARG TARGETARCH\nRUN GOARCH=$TARGETARCH go build' },
  { text: 'RUN GOOS=windows GOARCH=amd64 go build' },
  { text: 'RUN GOOS=darwin GOARCH=amd64 go build; GOOS=windows GOARCH=386 go build' },
  { text: 'ENV GOOS=windows GOARCH=amd64' },
  { text: 'RUN for a in amd64 arm64; do GOARCH=$a go build; done' },
  { text: 'RUN for GOARCH in amd64 arm64; do go build; done' },
  { text: 'RUN GOARCH=amd64 go build -o a && GOARCH=arm64 go build -o b' },
  { text: 'RUN GOARCH=amd64 make\nRUN GOARCH=arm64 make' },
  { text: `${host}RUN GOARCH=amd64 go install example.org/tool` },
  { text: 'RUN echo GOARCH=amd64' },
  { text: 'RUN if [ "$(uname -m)" = x86_64 ]; then GOARCH=amd64 go build; fi' },
  { text: 'ENV GOAMD64=v1' },
]);

migratesOnce(goarchX86, [
  [
    'FROM golang:1.22\nRUN CGO_ENABLED=0 GOARCH=amd64 go build -o /app .\n',
    'FROM golang:1.22\nARG TARGETARCH\nARG TARGETVARIANT\nRUN CGO_ENABLED=0 GOARCH=$TARGETARCH GOARM=${TARGETVARIANT#v} go build -o /app .\n',
  ],
  ['FROM golang:1.22\nENV GOARCH=amd64\n', 'FROM golang:1.22\nARG TARGETARCH\nENV GOARCH=${TARGETARCH}\n'],
  ['FROM golang:1.22\nRUN GOARCH="amd64" go build\n'],
]);

describe('GOARCH in a portable file', () => {
  for (const command of [
    'GOARCH=amd64 go build',
    'export GOARCH=amd64; go build',
    'GOARCH="amd64" go build',
  ]) {
    it(`${command} reads what each platform needs`, async () => {
      const { files } = await migrateDockerfile(`FROM golang:1.22\nRUN ${command}\n`, {
        style: 'portable',
        platforms: parsePlatformList('linux/arm64,linux/arm/v7,linux/arm/v6'),
        rules: [goarchX86],
      });
      const go = 'go() { echo "$GOARCH"; test -z "$GOARM" || echo "GOARM=$GOARM"; }';
      const read = (platform: string): string => runFor(files[0]?.text ?? '', platform, go).trim();
      const quoted = command.includes('"');
      expect(read('linux/amd64')).to.equal('amd64');
      expect(read('linux/arm64')).to.equal('arm64');
      expect(read('linux/arm/v7')).to.equal(quoted ? 'arm' : 'arm\nGOARM=7');
      expect(read('linux/arm/v6')).to.equal(quoted ? 'arm' : 'arm\nGOARM=6');
    });
  }
});
