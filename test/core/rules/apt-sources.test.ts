import { aptSourceArchAmd64 } from '../../../packages/core/src/rules/apt-source-arch-amd64.ts';
import { exactPackagePin } from '../../../packages/core/src/rules/exact-package-pin.ts';
import { ubuntuPrimaryArchive } from '../../../packages/core/src/rules/ubuntu-primary-archive.ts';
import { migratesOnce } from '../../support/migrates-once.ts';
import { ruleTable } from '../../support/rule-table.ts';

const dpkg = {
  arm64: 'error auto: amd64 → arm64',
  v7: 'error auto: amd64 → armhf',
  v6: 'error auto: amd64 → armel',
};
const none = 'error none: amd64';

ruleTable(aptSourceArchAmd64, [
  {
    text: 'RUN echo "deb [arch=amd64] https://example.org/apt x main" > /etc/apt/sources.list.d/x.list',
    ...dpkg,
  },
  { text: "RUN echo 'deb [ arch=amd64 signed-by=/k ] https://example.org/apt x main' > /x.list", ...dpkg },
  {
    text: 'RUN add-apt-repository "deb [arch=amd64] https://example.org/apt $(lsb_release -cs) stable"',
    ...dpkg,
  },
  {
    text: 'RUN echo "deb [signed-by=/k arch=amd64] https://example.org/apt x main" | sudo tee /x.list',
    ...dpkg,
  },
  { text: 'RUN cat > /x.list <<EOF\ndeb [arch=amd64] https://example.org/apt x main\nEOF', ...dpkg },
  {
    text: 'RUN <<EOF\ncat > /x.sources <<X\nTypes: deb\nURIs: https://example.org\nArchitectures: amd64\nX\nEOF',
    ...dpkg,
  },
  { text: 'RUN sh -c \'echo "deb [arch=amd64] https://example.org/apt x main" > /x.list\'', ...dpkg },
  { text: 'ENV S="deb [arch=amd64] https://example.org/apt x main"\nRUN echo "$S" > /x.list', ...dpkg },
  { text: 'RUN echo "deb-src [arch=amd64,i386] https://example.org/apt x main" > /x', ...dpkg },
  { text: 'FROM ubuntu:22.04\nRUN echo "deb [arch=amd64] https://example.org x" > /x', ...dpkg, v6: none },
  // What the publisher has.
  {
    text: 'RUN echo "deb [arch=amd64] https://download.docker.com/linux/debian bookworm stable" > /x.list',
    ...dpkg,
    v6: none,
  },
  {
    text: 'RUN echo "deb [arch=amd64] http://dl.google.com/linux/chrome/deb/ stable main" > /x.list',
    all: none,
  },
  {
    text: 'RUN echo "deb [arch=amd64,arm64] http://repo.mongodb.org/apt/ubuntu x" > /x',
    arm64: '',
    v7: none,
    v6: none,
  },
  // Nothing to say.
  { text: 'RUN echo "deb [arch=$(dpkg --print-architecture)] https://example.org/apt x main" > /x.list' },
  { text: 'RUN echo "deb https://example.org/debian-amd64 x main" > /x.list' },
  {
    text: 'RUN dpkg --add-architecture arm64 && echo "deb [arch=amd64] http://archive.ubuntu.com/ubuntu x" > /x',
  },
  {
    text: 'RUN if [ "$(dpkg --print-architecture)" = amd64 ]; then echo "deb [arch=amd64] https://e.org x" > /x; fi',
  },
  {
    text: '# deb [arch=amd64] https://example.org\nRUN curl https://repo.jellyfin.org/ubuntu/dists/jammy/main/binary-amd64/Packages',
  },
  { text: 'FROM debian AS amd64\nRUN echo "deb [arch=amd64] https://example.org x" > /x' },
]);

migratesOnce(aptSourceArchAmd64, [
  [
    'FROM debian:13\nRUN echo "deb [arch=amd64] https://example.org/apt x main" > /x.list\n',
    'FROM debian:13\nRUN echo "deb [arch=$(dpkg --print-architecture)] https://example.org/apt x main" > /x.list\n',
  ],
  [
    "FROM debian:13\nRUN echo 'deb [arch=amd64] https://example.org/apt x main' > /x.list\n",
    "FROM debian:13\nRUN echo 'deb [arch='\"$(dpkg --print-architecture)\"'] https://example.org/apt x main' > /x.list\n",
  ],
  ['FROM debian:13\nRUN sh -c \'echo "deb [arch=amd64] https://example.org/apt x main" > /x.list\'\n'],
  ['FROM debian:13\nRUN cat > /x.list <<EOF\ndeb [arch=amd64] https://example.org/apt x main\nEOF\n'],
]);

const port = {
  arm64: 'error auto: archive.ubuntu.com/ubuntu → ports.ubuntu.com/ubuntu-ports',
  v7: 'error auto: archive.ubuntu.com/ubuntu → ports.ubuntu.com/ubuntu-ports',
  v6: 'error none: archive.ubuntu.com/ubuntu',
};

ruleTable(ubuntuPrimaryArchive, [
  {
    text: 'RUN echo "deb http://archive.ubuntu.com/ubuntu jammy universe" >> /etc/apt/sources.list',
    ...port,
  },
  {
    text: 'RUN add-apt-repository "deb http://archive.ubuntu.com/ubuntu/ $(lsb_release -sc) universe"',
    ...port,
  },
  { text: 'ARG MIRROR=http://archive.ubuntu.com/ubuntu/\nRUN echo "deb $MIRROR jammy main" > /x', ...port },
  { text: 'RUN debootstrap jammy /target http://archive.ubuntu.com/ubuntu', ...port },
  { text: 'RUN cat > /x <<EOF\ndeb http://archive.ubuntu.com/ubuntu jammy main\nEOF', ...port },
  {
    text: 'RUN echo "deb http://us.archive.ubuntu.com/ubuntu x\\ndeb http://security.ubuntu.com/ubuntu x-security" > /x',
    arm64:
      'error auto: us.archive.ubuntu.com/ubuntu → ports.ubuntu.com/ubuntu-ports; error auto: security.ubuntu.com/ubuntu → ports.ubuntu.com/ubuntu-ports',
    v7: 'error auto: us.archive.ubuntu.com/ubuntu → ports.ubuntu.com/ubuntu-ports; error auto: security.ubuntu.com/ubuntu → ports.ubuntu.com/ubuntu-ports',
    v6: 'error none: us.archive.ubuntu.com/ubuntu; error none: security.ubuntu.com/ubuntu',
  },
  { text: 'ENV HOST=archive.ubuntu.com', all: 'error none: archive.ubuntu.com' },
  {
    text: "RUN sed -i 's/archive.ubuntu.com/mirror.example.org/g' /etc/apt/sources.list",
    all: 'info none: archive.ubuntu.com',
  },
  {
    text: "RUN sed -i 's/archive\\.ubuntu\\.com/mirror.example.org/' /x",
    all: 'info none: archive\\.ubuntu\\.com',
  },
  // Nothing to say.
  { text: 'RUN echo "deb http://ports.ubuntu.com/ubuntu-ports jammy universe" >> /x' },
  { text: "RUN sed -i 's/archive.ubuntu.com/m/;s/ports.ubuntu.com/m/' /etc/apt/sources.list" },
  { text: 'RUN curl http://archive.ubuntu.com/ubuntu/pool/f/foo_1_amd64.deb; ping archive.ubuntu.com' },
  { text: 'RUN wget http://www.mirrorservice.org/sites/archive.ubuntu.com/ubuntu/pool/foo_1_amd64.deb' },
  {
    text: 'RUN echo "deb http://old-releases.ubuntu.com/ubuntu x; deb http://archive.ubuntu.com.example.org/ubuntu" > /x',
  },
  {
    text: 'RUN case $TARGETARCH in amd64) echo "deb http://archive.ubuntu.com/ubuntu jammy main" > /x;; esac',
  },
  { text: '# deb http://archive.ubuntu.com/ubuntu\nRUN true' },
]);

migratesOnce(ubuntuPrimaryArchive, [
  ['FROM ubuntu:22.04\nRUN echo "deb http://archive.ubuntu.com/ubuntu jammy universe" >> /x\n'],
  ['FROM ubuntu:22.04\nENV M=http://archive.ubuntu.com/ubuntu\nRUN echo "deb $M jammy universe" >> /x\n'],
]);

ruleTable(exactPackagePin, [
  { text: 'RUN apt-get install -y libfoo1=1.2-3+b1 curl', all: 'info suggest: +b1 → *' },
  { text: 'ENV P="libfoo1=1.2-3+b12"\nRUN apt-get install $P', all: 'info suggest: +b12 → *' },
  { text: 'RUN apt-get install -y libfoo1=1.2-3 b=1.0+b1-1 c+b1' },
  { text: 'RUN echo libfoo1=1.2-3+b1' },
  { text: 'RUN if [ "$(uname -m)" = x86_64 ]; then apt-get install -y libfoo1=1.2-3+b1; fi' },
]);
