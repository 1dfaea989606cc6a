import { javaHomeArch } from '../../../packages/core/src/rules/java-home-arch.ts';
import { migratesOnce } from '../../support/migrates-once.ts';
import { ruleTable } from '../../support/rule-table.ts';

const dpkg = {
  arm64: 'error auto: amd64 → arm64',
  v7: 'error auto: amd64 → armhf',
  v6: 'error auto: amd64 → armel',
};

ruleTable(javaHomeArch, [
  { text: 'ENV JAVA_HOME=/usr/lib/jvm/java-8-openjdk-amd64', ...dpkg },
  { text: 'ENV JAVA_HOME /usr/lib/jvm/java-1.8.0-openjdk-amd64/jre', ...dpkg },
  { text: 'RUN ln -s /usr/lib/jvm/java-17-openjdk-amd64 /opt/java', ...dpkg },
  { text: 'RUN update-java-alternatives -s /usr/lib/jvm/java-1.11.0-openjdk-amd64', ...dpkg },
  { text: 'RUN export JAVA_HOME="/usr/lib/jvm/temurin-17-jdk-amd64"', ...dpkg },
  {
    text: 'FROM ubuntu:24.04\nENV JAVA_HOME=/usr/lib/jvm/java-8-openjdk-amd64',
    ...dpkg,
    v6: 'error none: amd64',
  },
  { text: 'ENV J=/usr/lib/jvm/java-8-openjdk-amd64\nENV PATH=$PATH:$J/bin', ...dpkg },
  {
    text: 'ENV LD_LIBRARY_PATH=/opt/jdk/jre/lib/amd64/server',
    arm64: 'error auto: amd64 → aarch64',
    v7: 'error auto: amd64 → arm',
    v6: 'error auto: amd64 → arm',
  },
  {
    text: 'ENV JAVA_HOME=/usr/lib/jvm/java-1.8.0-openjdk-1.8.0.352.b08-2.el7_9.x86_64',
    arm64: 'error auto: x86_64 → aarch64',
    v7: 'error none: x86_64',
    v6: 'error none: x86_64',
  },
  { text: 'ENV JAVA_HOME=/usr/lib/jvm/default-java' },
  { text: 'ENV JAVA_HOME=/usr/lib/jvm/java-1.8-openjdk' },
  { text: 'RUN ls /usr/lib/jvm/java-8-openjdk-*' },
  { text: 'RUN ln -s /usr/lib/jvm/java-8-openjdk-$(dpkg --print-architecture) /java' },
  { text: 'FROM x AS amd64\nENV JAVA_HOME=/usr/lib/jvm/java-8-openjdk-amd64' },
  { text: 'RUN if [ "$(uname -m)" = x86_64 ]; then ls /usr/lib/jvm/java-8-openjdk-amd64; fi' },
]);

migratesOnce(javaHomeArch, [
  [
    'FROM debian:13\nRUN ls /usr/lib/jvm/java-8-openjdk-amd64\n',
    'FROM debian:13\nRUN ls /usr/lib/jvm/java-8-openjdk-$(dpkg --print-architecture)\n',
  ],
  ['FROM debian:13\nENV JAVA_HOME=/usr/lib/jvm/java-8-openjdk-amd64\n'],
]);
