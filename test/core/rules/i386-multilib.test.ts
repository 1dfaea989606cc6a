import { i386Multilib } from '../../../packages/core/src/rules/i386-multilib.ts';
import { ruleTable } from '../../support/rule-table.ts';

ruleTable(i386Multilib, [
  { text: 'RUN dpkg --add-architecture i386', all: 'error none: i386' },
  { text: 'RUN sudo dpkg --add-architecture i386 && true', all: 'error none: i386' },
  { text: 'RUN ["dpkg", "--add-architecture", "i386"]', all: 'error none: i386' },
  { text: 'RUN apt-get install -y libc6:i386 curl', all: 'error none: libc6:i386' },
  {
    text: 'RUN apt-get install gcc-multilib g++-10-multilib',
    all: 'error none: gcc-multilib g++-10-multilib',
  },
  {
    text: 'RUN apt-get install lib32z1 \\\n lib32stdc++6 libc6-i386',
    all: 'error none: lib32z1; error none: lib32stdc++6 libc6-i386',
  },
  { text: 'ENV P="lib32z1 git"\nRUN apt-get install $P', all: 'error none: lib32z1' },
  { text: 'FROM centos:7\nRUN yum install -y glibc.i686', all: 'error none: glibc.i686' },
  // Nothing to say.
  { text: 'RUN dpkg --add-architecture armhf && apt-get install libc6:armhf' },
  { text: 'RUN dpkg --remove-architecture i386' },
  { text: 'RUN apt-cache search gcc-multilib; echo lib32z1' },
  { text: 'RUN apt-get install lib3ds-dev libxml2:amd64' },
  { text: 'RUN if [ "$(dpkg --print-architecture)" = amd64 ]; then dpkg --add-architecture i386; fi' },
  { text: 'FROM debian AS build-amd64\nRUN dpkg --add-architecture i386' },
  { text: 'FROM --platform=$BUILDPLATFORM debian\nRUN apt-get install -y gcc-multilib' },
  { text: 'FROM centos:7\nRUN yum install -y glibc.x86_64' },
]);
