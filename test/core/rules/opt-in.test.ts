import { expect } from 'chai';
import { optInRules, recommendedRules } from '../../../packages/core/src/index.ts';
import { emulationHostileStep } from '../../../packages/core/src/rules/emulation-hostile-step.ts';
import { nativeBuildStage } from '../../../packages/core/src/rules/native-build-stage.ts';
import { platformArgsOnClassicBuilder } from '../../../packages/core/src/rules/platform-args-on-classic-builder.ts';
import { ruleTable } from '../../support/rule-table.ts';

const copied = 'FROM scratch\nCOPY --from=build /app /app';

ruleTable(
  nativeBuildStage,
  [
    {
      text: 'FROM maven:3 AS build\nRUN mvn package\nFROM x\nCOPY --from=build /a.jar /',
      all: 'info suggest: maven:3',
    },
    { text: `FROM golang:1.22 AS build\nRUN go build\n${copied}`, all: 'info none: golang:1.22' },
    {
      text: `FROM golang:1.22 AS build\nARG TARGETARCH\nRUN CGO_ENABLED=0 GOARCH=$TARGETARCH go build\n${copied}`,
      all: 'info suggest: golang:1.22',
    },
    {
      text: 'FROM node:22 AS build\nFROM nginx\nCOPY --from=build /src/dist /html',
      all: 'info suggest: node:22',
    },
    { text: 'FROM node:22 AS build\nFROM node:22\nCOPY --from=build /src /src', all: 'info none: node:22' },
    { text: `FROM --platform=$BUILDPLATFORM golang:1.22 AS build\n${copied}` },
    { text: 'FROM golang:1.22 AS build\nRUN go build' },
    { text: 'FROM golang:1.22 AS build\nFROM build AS test\nCOPY --from=build / /' },
    { text: `FROM debian:13 AS build\n${copied}` },
    { text: `FROM $BASE AS build\n${copied}` },
  ],
  (text) => `${text}\n${copied}\n`,
);

ruleTable(emulationHostileStep, [
  { text: 'RUN mvn package && mvn verify', all: 'info none: mvn package' },
  { text: 'RUN ./gradlew build', all: 'info none: ./gradlew build' },
  { text: 'RUN go test -race ./...', all: 'info none: go test -race ./...' },
  { text: 'RUN stack build', all: 'info none: stack build' },
  { text: 'FROM --platform=$BUILDPLATFORM maven:3\nRUN mvn package' },
  { text: 'RUN go test ./...' },
  { text: 'RUN mvn --version' },
  { text: 'RUN systemctl enable x' },
  { text: 'RUN apt-get install -y maven strace' },
  { text: 'RUN if [ "$(uname -m)" = x86_64 ]; then mvn package; fi' },
]);

ruleTable(platformArgsOnClassicBuilder, [
  { text: 'ARG TARGETARCH\nRUN echo $TARGETARCH; echo $TARGETARCH', all: 'warning none: $TARGETARCH' },
  { text: 'FROM --platform=$BUILDPLATFORM alpine', all: 'warning none: --platform=$BUILDPLATFORM' },
  { text: 'ARG TARGETARCH\nCOPY bin-$TARGETARCH /', all: 'warning none: $TARGETARCH' },
  { text: 'FROM --platform=${BUILDPLATFORM:-linux/amd64} alpine' },
  { text: 'ARG TARGETARCH\nRUN echo ${TARGETARCH:-$(dpkg --print-architecture)}' },
  { text: 'ARG TARGETARCH\nRUN echo $TARGETARCH', buildArgs: { TARGETARCH: 'arm64' } },
  { text: 'RUN echo $(dpkg --print-architecture)' },
]);

describe('rules that are asked for', () => {
  it('are not among the recommended ones', () => {
    const names = new Set(recommendedRules.map(({ name }) => name));
    expect(optInRules.map(({ name }) => name).filter((name) => names.has(name))).to.deep.equal([]);
    expect(names.size).to.equal(recommendedRules.length);
  });
});
