import { apkForeignPackage } from '../../../packages/core/src/rules/apk-foreign-package.ts';
import { rpmArchSuffix } from '../../../packages/core/src/rules/rpm-arch-suffix.ts';
import { migratesOnce } from '../../support/migrates-once.ts';
import { ruleTable } from '../../support/rule-table.ts';

const suffix = 'error auto: .x86_64 → ';

ruleTable(rpmArchSuffix, [
  { text: 'FROM rockylinux:9\nRUN yum install -y shadow-utils.x86_64', all: suffix },
  { text: 'FROM rockylinux:9\nRUN dnf -y install foo-1.2-3.el9.x86_64 bar', all: suffix },
  { text: 'FROM rockylinux:9\nENV P="a.x86_64 b"\nRUN microdnf install $P', all: suffix },
  {
    text: 'FROM rockylinux:9\nRUN echo "baseurl=https://example.org/9/x86_64/" > /etc/yum.repos.d/x.repo',
    arm64: 'error auto: x86_64 → aarch64',
    v7: 'error none: x86_64',
    v6: 'error none: x86_64',
  },
  { text: 'FROM rockylinux:9\nRUN yum install -y a.i686 b.noarch c d.x86_64.e' },
  { text: 'FROM rockylinux:9\nRUN yum install -y https://example.org/a.x86_64.rpm ./b.x86_64.rpm' },
  { text: "FROM rockylinux:9\nRUN echo 'baseurl=https://example.org/$basearch' > /x.repo" },
  { text: 'FROM rockylinux:9\nRUN if [ "$(arch)" = x86_64 ]; then yum install -y a.x86_64; fi' },
  { text: 'FROM rockylinux:9\nRUN rpm -q a.x86_64; yum remove b.x86_64' },
]);

migratesOnce(rpmArchSuffix, [
  ['FROM rockylinux:9\nRUN yum install -y shadow-utils.x86_64 a-1.2.x86_64\n'],
  ['FROM rockylinux:9\nRUN echo "baseurl=https://example.org/9/x86_64/" > /x.repo\n'],
]);

const dropped = (text: string): string => `error auto: ${text} → `;

ruleTable(apkForeignPackage, [
  {
    text: 'FROM alpine:3.20\nRUN apk add --no-cache libva-intel-driver ffmpeg',
    all: dropped('libva-intel-driver'),
  },
  {
    text: 'FROM alpine:3.20\nRUN apk add ffmpeg intel-media-driver=22.4.4-r0',
    all: dropped('intel-media-driver=22.4.4-r0'),
  },
  { text: 'FROM alpine:3.20\nRUN apk add syslinux', all: 'error none: syslinux' },
  {
    text: 'FROM alpine:3.20\nRUN apk add openjdk17-jre-headless',
    v7: 'error none: openjdk17-jre-headless',
    v6: 'error none: openjdk17-jre-headless',
  },
  { text: 'FROM alpine:3.20\nRUN apk add openjdk8-jre chromium', v6: 'error none: chromium' },
  { text: 'FROM alpine:3.20\nRUN apk add gcompat', all: 'info none: gcompat' },
  {
    text: 'FROM alpine:3.20\nRUN wget https://github.com/sgerrand/alpine-pkg-glibc/releases/download/2.35-r1/glibc-2.35-r1.apk',
    all: 'error none: github.com/sgerrand/alpine-pkg-glibc/releases/download/',
  },
  {
    text: 'FROM alpine:3.20\nRUN apk add ffmpeg mesa-va-gallium; apk del syslinux; apk info libva-intel-driver',
  },
  { text: 'FROM alpine:3.20\nRUN apk add --virtual syslinux git' },
  { text: 'FROM alpine:3.20\nRUN if [ "$(apk --print-arch)" = x86_64 ]; then apk add syslinux; fi' },
  { text: 'FROM --platform=$BUILDPLATFORM alpine:3.20\nRUN apk add syslinux' },
  { text: 'FROM debian:12\nRUN apt-get install syslinux' },
]);

migratesOnce(apkForeignPackage, [
  ['FROM alpine:3.20\nRUN apk add --no-cache libva-intel-driver\n'],
  [
    'FROM alpine:3.20\nRUN apk add --no-cache \\\n    ffmpeg \\\n    intel-media-driver \\\n    libva-intel-driver\n',
  ],
]);
