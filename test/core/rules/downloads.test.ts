import { archConstantInEnv } from '../../../packages/core/src/rules/arch-constant-in-env.ts';
import { bareNameX86Asset } from '../../../packages/core/src/rules/bare-name-x86-asset.ts';
import { checksumTiedToArch } from '../../../packages/core/src/rules/checksum-tied-to-arch.ts';
import { commandNamesX86Binary } from '../../../packages/core/src/rules/command-names-x86-binary.ts';
import { digestInCommand } from '../../../packages/core/src/rules/digest-in-command.ts';
import { goarmMismatch } from '../../../packages/core/src/rules/goarm-mismatch.ts';
import { knownAssetX86Url } from '../../../packages/core/src/rules/known-asset-x86-url.ts';
import { noAssetForTarget } from '../../../packages/core/src/rules/no-asset-for-target.ts';
import { prebuiltX86File } from '../../../packages/core/src/rules/prebuilt-x86-file.ts';
import { rootfsTarball } from '../../../packages/core/src/rules/rootfs-tarball.ts';
import { unexplainedX86Word } from '../../../packages/core/src/rules/unexplained-x86-word.ts';
import { x86NameFromArchive } from '../../../packages/core/src/rules/x86-name-from-archive.ts';
import { x86PackageFile } from '../../../packages/core/src/rules/x86-package-file.ts';
import { x86UrlInEnvArg } from '../../../packages/core/src/rules/x86-url-in-env-arg.ts';
import { migratesOnce } from '../../support/migrates-once.ts';
import { ruleTable } from '../../support/rule-table.ts';

const gosu = 'https://github.com/tianon/gosu/releases/download';
const s6 = 'https://github.com/just-containers/s6-overlay/releases/download';
const sha256 = 'bbc4136d03ab138b1ad66fa4fc051bafc6cc7ffae632b069a53657279a450de3';

describe('rules about downloads', () => {
  ruleTable(knownAssetX86Url, [
    {
      text: `RUN curl -fsSLo /gosu ${gosu}/1.17/gosu-amd64`,
      arm64: 'error auto: amd64 → arm64',
      v7: 'error auto: amd64 → armhf',
      v6: 'error auto: amd64 → armel',
    },
    {
      text: `ARG V=1.17\nRUN wget -q "${gosu}/$V/gosu-amd64" && \\\n  # why\n  chmod +x gosu-amd64`,
      arm64: 'error auto: amd64 → arm64',
      v7: 'error auto: amd64 → armhf',
      v6: 'error auto: amd64 → armel',
    },
    {
      text: `RUN <<EOF\nset -e\nwget ${gosu}/1.17/gosu-amd64\nEOF`,
      arm64: 'error auto: amd64 → arm64',
      v7: 'error auto: amd64 → armhf',
      v6: 'error auto: amd64 → armel',
    },
    // The same word stands for another processor in another project.
    {
      text: `ADD ${s6}/v2.2.0.3/s6-overlay-amd64.tar.gz /`,
      arm64: 'error auto: amd64 → aarch64',
      v7: 'error auto: amd64 → armhf',
      v6: 'error auto: amd64 → armhf',
    },
    {
      text: `ADD ${s6}/v3.1.6.2/s6-overlay-x86_64.tar.xz /`,
      arm64: 'error auto: x86_64 → aarch64',
      v7: 'error auto: x86_64 → arm',
      v6: 'error auto: x86_64 → armhf',
    },
    {
      text: `RUN for url in ${gosu}/1.17/gosu-amd64 https://example.org/b; do curl -O $url; done`,
      arm64: 'error auto: amd64 → arm64',
      v7: 'error auto: amd64 → armhf',
      v6: 'error auto: amd64 → armel',
    },
    {
      text: `SHELL ["/bin/bash", "-c"]\nRUN urls=(${gosu}/1.17/gosu-amd64); curl -O "\${urls[@]}"`,
      arm64: 'error auto: amd64 → arm64',
      v7: 'error auto: amd64 → armhf',
      v6: 'error auto: amd64 → armel',
    },
    { text: `RUN for url in ${gosu}/1.17/gosu-amd64 ${gosu}/1.17/gosu-arm64; do curl -O $url; done` },
    // A question about a file is none about the architecture, but one about a folder of libraries is.
    {
      text: `RUN if [ ! -f /opt/gosu-amd64 ]; then curl -O ${gosu}/1.17/gosu-amd64; fi`,
      arm64: 'error auto: amd64 → arm64',
      v7: 'error auto: amd64 → armhf',
      v6: 'error auto: amd64 → armel',
    },
    { text: `RUN if [ -d /usr/lib/x86_64-linux-gnu ]; then curl -O ${gosu}/1.17/gosu-amd64; fi` },
    { text: `RUN if [ -f /opt/gosu-$(uname -m) ]; then curl -O ${gosu}/1.17/gosu-amd64; fi` },
    { text: 'RUN curl -LO https://example.org/tool-linux-amd64.tgz', all: 'error none: amd64' },
    { text: 'RUN curl -LO https://amd64.example.org/tool.tgz' },
    // A table with a row for each architecture, or for each system.
    { text: `ENV U_amd64=${gosu}/1.17/gosu-amd64 U_arm64=${gosu}/1.17/gosu-arm64` },
    { text: 'ENV CLI_LINUX=https://a.example/cli-linux-amd64.tgz CLI_DARWIN=https://a.example/cli.tgz' },
    { text: 'RUN curl https://example.org/dists/stable/main/binary-amd64/Packages | grep Version' },
    { text: `RUN echo ${gosu}/1.17/gosu-amd64` },
    { text: `# ${gosu}/1.17/gosu-amd64\nRUN true` },
    {
      text: `RUN case "$(dpkg --print-architecture)" in amd64) u=${gosu}/1.17/gosu-amd64 ;; arm64) u=${gosu}/1.17/gosu-arm64 ;; esac; curl "$u"`,
    },
    { text: `RUN if [ "$(uname -m)" = x86_64 ]; then curl -O ${gosu}/1.17/gosu-amd64; fi` },
    { text: `FROM --platform=$BUILDPLATFORM debian\nRUN curl -O ${gosu}/1.17/gosu-amd64` },
    { text: `FROM debian AS get-amd64\nRUN curl -O ${gosu}/1.17/gosu-amd64` },
    { text: `FROM mcr.microsoft.com/windows/nanoserver\nRUN curl -O ${gosu}/1.17/gosu-amd64` },
  ]);

  ruleTable(x86UrlInEnvArg, [
    {
      text: `ENV U=${gosu}/1.17/gosu-amd64\nRUN curl -o /gosu "$U"`,
      arm64: 'error auto: amd64 → arm64',
      v7: 'error auto: amd64 → armhf',
      v6: 'error auto: amd64 → armel',
    },
    { text: 'ARG U=https://example.org/jdk-17_linux-x64_bin.tar.gz', all: 'error none: x64' },
    { text: 'ENV U=https://example.org/noarch.jar' },
  ]);

  ruleTable(archConstantInEnv, [
    {
      text: `ENV A=amd64\nRUN curl -O ${gosu}/1.17/gosu-$A`,
      arm64: 'error auto: amd64 → arm64',
      v7: 'error auto: amd64 → armhf',
      v6: 'error auto: amd64 → armel',
    },
    // Each download needs another word: the constant stays, its uses change.
    {
      text: `ENV A=amd64\nRUN curl -O ${gosu}/1.17/gosu-$A && curl -O ${s6}/v2.2.0.3/s6-overlay-$A.tar.gz`,
      all: 'error none: amd64',
      arm64: 'error suggest: amd64 → arm64',
    },
    {
      text: 'ENV DRONE_RUNNER_ARCH=amd64',
      all: 'error auto: amd64 → arm',
      arm64: 'error auto: amd64 → arm64',
    },
    { text: 'ENV MY_ARCH=x86_64', all: 'error none: x86_64', arm64: 'error auto: x86_64 → aarch64' },
    { text: 'RUN ARCH=x64 && make', all: 'error none: x64', arm64: 'error auto: x64 → arm64' },
    { text: 'RUN ./get-tool linux amd64', all: 'warning none: amd64' },
    { text: 'RUN ./get-tool --platform=linux/amd64 -o tool', all: 'warning none: amd64' },
    { text: 'RUN ./get-tool amd64 arm64' },
    { text: 'RUN ./get-tool "$(dpkg --print-architecture)" && echo amd64' },
    { text: 'RUN [ "$(uname -m)" = x86_64 ] && ./get-tool amd64' },
    { text: 'ENV GOARCH=amd64' },
    { text: 'ENV ARCHIVES=amd64,arm64' },
    { text: 'ARG TARGETARCH=amd64' },
    { text: 'RUN if [ "$(uname -m)" = x86_64 ]; then ARCH=amd64; else ARCH=arm64; fi; make' },
    // Nothing but one architecture's stage takes the default.
    {
      text: `ARG A=x86_64\nFROM a AS b\nFROM b AS b-amd64\nARG A\nFROM b AS b-arm64\nARG A=aarch64\nFROM b-\${TARGETARCH}`,
    },
    {
      text: `ARG A=x86_64\nFROM a AS b\nFROM b AS b-amd64\nARG A\nFROM b-\${TARGETARCH}\nARG A`,
      all: 'error none: x86_64',
      arm64: 'error suggest: x86_64 → aarch64',
    },
  ]);

  ruleTable(bareNameX86Asset, [
    { text: `RUN curl -o /usr/local/bin/gosu -SL '${gosu}/1.1/gosu'`, all: 'error none: ' },
    { text: `RUN curl -o /usr/local/bin/gosu -SL '${gosu}/1.17/gosu'`, all: `info none: ${gosu}/1.17/gosu` },
    { text: `ENV U=${gosu}/1.17/gosu\nRUN curl -O $U`, all: `info none: ${gosu}/1.17/gosu` },
    {
      text: 'ADD https://github.com/krallin/tini/releases/download/v0.19.0/tini /tini',
      arm64: 'error auto:  → -arm64',
      v7: 'error auto:  → -armhf',
      v6: 'error auto:  → -armel',
    },
    { text: 'ADD https://github.com/krallin/tini/releases/download/v0.19.0/tini-arm64 /tini' },
    // For Linux, and no table knows it.
    {
      text: 'RUN curl -O https://example.org/foo-1.0-linux.tgz',
      all: 'warning none: https://example.org/foo-1.0-linux.tgz',
    },
    {
      text: 'ENV V=1\nADD https://example.org/foo-linux-cpu-$V.tar.gz /',
      all: 'warning none: https://example.org/foo-linux-cpu-$V.tar.gz',
    },
    {
      text: 'RUN curl -LO https://github.com/a/b/releases/download/v1/b && curl -LO https://github.com/a/b/releases/latest/download/c',
      all: 'info none: https://github.com/a/b/releases/download/v1/b; info none: https://github.com/a/b/releases/latest/download/c',
    },
    {
      text: 'RUN curl -LO https://github.com/yt-dlp/yt-dlp/releases/latest/download/yt-dlp && curl -LO https://github.com/a/b/releases/download/v1/b.jar',
    },
    {
      text: 'RUN curl -LO https://github.com/a/b/releases/download/v1/SHA256SUMS; curl -LO https://x/download/b',
    },
    { text: 'RUN curl -O https://example.org/linux-4.9.tar.xz' },
    {
      text: 'RUN curl -O https://example.org/util-linux.tar.xz && curl -O https://example.org/foo-linux.txt',
    },
    {
      text: 'RUN curl -O https://example.org/foo-linux-src.tgz; curl -O https://example.org/a-linux-arm.tgz',
    },
    { text: 'RUN curl -O https://example.org/foo-linux-$(uname -m).tgz' },
    { text: 'FROM --platform=$BUILDPLATFORM a\nRUN curl -O https://example.org/foo-1.0-linux.tgz' },
  ]);

  ruleTable(x86PackageFile, [
    { text: 'RUN curl -LO https://example.org/foo_1.0_amd64.deb', all: 'error none: amd64' },
    { text: 'RUN rpm -i https://example.org/foo-1.0.x86_64.rpm', all: 'error none: x86_64' },
    { text: 'RUN curl -LO https://example.org/foo_1.0_all.deb' },
  ]);

  ruleTable(noAssetForTarget, [
    {
      text: 'RUN curl -LO https://github.com/Yelp/dumb-init/releases/download/v1.2.5/dumb-init_1.2.5_x86_64',
      arm64: '',
      all: 'error none: x86_64',
    },
    { text: `RUN curl -O ${gosu}/1.17/gosu-amd64` },
  ]);

  ruleTable(checksumTiedToArch, [
    {
      text: `RUN curl -o g ${gosu}/1.17/gosu-amd64 && echo "${sha256}  g" | sha256sum -c -`,
      all: `error none: ${sha256}`,
    },
    {
      text: `ENV SUM=${sha256}\nRUN curl -o g ${gosu}/1.17/gosu-amd64 && echo "$SUM  g" | sha256sum -c -`,
      all: `error none: ${sha256}`,
    },
    {
      text: `ADD --checksum=sha256:${sha256} ${gosu}/1.17/gosu-amd64 /gosu`,
      all: `error none: ${sha256}`,
    },
    {
      text: `ADD ${gosu}/1.17/gosu-amd64 /usr/bin/gosu\nRUN echo "${sha256} */usr/bin/gosu" | sha256sum -c`,
      all: `error none: ${sha256}`,
    },
    {
      text: `ADD ${gosu}/1.17/gosu-amd64 /\nRUN echo "${sha256} gosu-amd64" | sha256sum -c`,
      all: `error none: ${sha256}`,
    },
    { text: `ADD ${gosu}/1.17/gosu-amd64 /usr/bin/gosu\nRUN echo "${sha256} */x" | sha256sum -c` },
    {
      text: `ENV F=gosu-amd64 S=${sha256}\nRUN wget -qO $F ${gosu}/1.17/$F\nRUN echo "$S $F" | sha256sum -c -`,
      all: `error none: ${sha256}`,
    },
    { text: `RUN wget ${gosu}/1.17/gosu-amd64\nRUN echo "${sha256} source.tgz" | sha256sum -c -` },
    {
      text: `RUN u=${gosu}/1.17/gosu-amd64; wget -O g "$u"; echo "${sha256} *g" | sha256sum -c`,
      all: `error none: ${sha256}`,
    },
    { text: `RUN curl -O https://example.org/src-1.0.tgz && echo "${sha256}  src-1.0.tgz" | sha256sum -c` },
    {
      text: `RUN curl -O ${gosu}/1.17/gosu-amd64 && gpg --recv-keys B42F6819007F00F88E364FD4036A9C25BF357DD4`,
    },
    {
      text: 'RUN echo "put-the-sha256-of-the-arm64-asset-here  g" | sha256sum -c -',
      arm64: 'error none: put-the-sha256-of-the-arm64-asset-here',
    },
  ]);

  ruleTable(x86NameFromArchive, [
    {
      text: `RUN curl -O ${gosu}/1.17/gosu-amd64 && grep gosu-amd64 SUMS | sha256sum -c && chmod +x gosu-amd64`,
      arm64: 'error auto: amd64 → arm64; error auto: amd64 → arm64',
      v7: 'error auto: amd64 → armhf; error auto: amd64 → armhf',
      v6: 'error auto: amd64 → armel; error auto: amd64 → armel',
    },
    {
      text: `RUN curl -O ${gosu}/1.17/gosu-amd64 && mv gosu-amd64 /usr/bin/gosu`,
      arm64: 'error auto: amd64 → arm64',
      v7: 'error auto: amd64 → armhf',
      v6: 'error auto: amd64 → armel',
    },
    {
      text: `FROM debian AS get\nRUN curl -O ${gosu}/1.17/gosu-amd64\nFROM debian\nCOPY --from=get /gosu-amd64 /gosu`,
      arm64: 'error auto: amd64 → arm64',
      v7: 'error auto: amd64 → armhf',
      v6: 'error auto: amd64 → armel',
    },
    {
      text: 'RUN curl -O https://example.org/t-linux-amd64.tgz && tar xf t-linux-amd64.tgz',
      all: 'error none: amd64',
    },
    { text: 'RUN mv /opt/app-amd64 /opt/app', all: 'warning none: amd64' },
    // A name that is given here, to what has none, and is not read here.
    {
      text: 'RUN make && cp -v ./lib.so ../out/lib.so.amd64',
      arm64: 'warning semi: amd64 → arm64',
      v7: 'warning semi: amd64 → armhf',
      v6: 'warning semi: amd64 → armv6',
    },
    {
      text: 'RUN make && install -m 755 app /out/app-linux-amd64',
      arm64: 'warning semi: amd64 → arm64',
      v7: 'warning semi: amd64 → arm',
      v6: 'warning semi: amd64 → arm',
    },
    { text: 'RUN cp lib.so /amd64/lib.so', all: 'warning none: amd64' },
    { text: 'RUN cp lib.so b.so /out/lib.so.amd64', all: 'warning none: amd64' },
    { text: 'RUN cp lib.so /out/lib.so.amd64 && ls /out/lib.so.amd64', all: 'warning none: amd64' },
    { text: 'RUN cp $LIB /out/lib.so.amd64', all: 'warning none: amd64' },
    { text: 'RUN cp /usr/lib/x86_64-linux-gnu/libz.so.1 /lib' },
    { text: 'RUN grep amd64 /list' },
    { text: 'RUN echo amd64' },
  ]);

  ruleTable(prebuiltX86File, [
    {
      text: 'COPY bin/app-linux-amd64 /app',
      all: 'error semi: amd64 → arm',
      arm64: 'error semi: amd64 → arm64',
    },
    {
      text: 'COPY librocksdb.so.amd64 /',
      arm64: 'error semi: amd64 → arm64',
      v7: 'error semi: amd64 → armhf',
      v6: 'error semi: amd64 → armv6',
    },
    { text: 'COPY requirements-amd64.txt /', all: 'warning none: amd64' },
    {
      text: 'ADD linux/x86_64/ /opt',
      arm64: 'error semi: x86_64 → aarch64',
      v7: 'error semi: x86_64 → armv7',
      v6: 'error semi: x86_64 → armv6',
    },
    { text: 'FROM debian AS b\nFROM debian\nCOPY --from=b /app-amd64 /app' },
    { text: 'ARG TARGETARCH\nCOPY app-$TARGETARCH /app' },
  ]);

  ruleTable(commandNamesX86Binary, [
    {
      text: `RUN curl -O ${gosu}/1.17/gosu-amd64\nENTRYPOINT ["/gosu-amd64"]`,
      arm64: 'error auto: amd64 → arm64',
      v7: 'error auto: amd64 → armhf',
      v6: 'error auto: amd64 → armel',
    },
    { text: 'CMD ["/bin/server_linux_amd64", "-v"]', all: 'error none: amd64' },
    { text: 'CMD exec server-x64', all: 'error none: x64' },
    { text: 'HEALTHCHECK CMD ["/usr/bin/probe-amd64"]', all: 'error none: amd64' },
    { text: 'CMD ["/usr/lib/x86_64-linux-gnu/foo"]' },
  ]);

  ruleTable(rootfsTarball, [
    { text: 'FROM scratch\nADD rootfs.tar.xz /', all: 'warning none: rootfs.tar.xz' },
    { text: 'FROM scratch\nADD rootfs-amd64.tar.xz /', all: 'error none: amd64' },
    { text: 'FROM scratch\nARG TARGETARCH\nADD rootfs-${TARGETARCH}.tar.xz /' },
    { text: 'FROM scratch\nADD assets.tar.gz /srv/' },
    { text: 'FROM debian\nADD rootfs.tar.xz /' },
  ]);

  ruleTable(digestInCommand, [
    { text: `RUN docker pull me/app:1@sha256:${sha256}`, all: `info none: me/app:1@sha256:${sha256}` },
    { text: `RUN ./frozen.sh /images busybox:latest@${sha256}`, all: `info none: busybox:latest@${sha256}` },
    { text: 'RUN npm install left-pad@1.0.0' },
    { text: `FROM debian@sha256:${sha256}\nRUN true` },
  ]);

  ruleTable(goarmMismatch, [
    { text: 'ENV GOARM 5', v7: 'info none: 5', v6: 'info none: 5' },
    { text: 'ENV GOARM=7', v6: 'error none: 7' },
    { text: 'RUN GOARM=6 go build', v7: 'info none: 6' },
    { text: 'ARG GOARM\nRUN GOARM=${GOARM} go build', v7: 'info none: ${GOARM}', v6: 'info none: ${GOARM}' },
    { text: 'ARG TARGETVARIANT\nRUN GOARM=${TARGETVARIANT#v} go build' },
    { text: 'ENV GOARCH=arm' },
  ]);

  ruleTable(unexplainedX86Word, [
    { text: 'RUN ./install.sh linux amd64', all: 'info none: amd64' },
    { text: 'ENV IMAGE=me/amd64-app', all: 'info none: amd64' },
    { text: 'RUN ./build.sh --with-i386', all: 'info none: i386' },
    { text: 'RUN echo "PATH=/opt/lx-amd64:$PATH" >> /etc/profile', all: 'info none: amd64' },
    { text: 'RUN ./build.sh --with-i386 && ./build.sh --with-arm' },
    { text: 'RUN gox -arch="i386 x86" && get windows-386.zip' },
    { text: 'RUN ./install.sh amd64 && ./install.sh "amd64,arm64"', all: 'info none: amd64' },
    { text: 'RUN a=$(uname -m | sed s/x86_64/amd64/); ./install.sh $a', all: 'info none: x86_64' },
    { text: 'RUN a=$(cat x | sed s/x86_64/arm64/ | tee x86_64); ./install.sh $a', all: 'info none: x86_64' },
    { text: 'RUN a=$(uname -m | sed s/x86_64/amd64/ | sed s/aarch64/arm64/); ./install.sh $a' },
    { text: 'RUN a=$(uname -m | sed -e s/x86_64/amd64/ -e s/aarch64/arm64/); ./install.sh $a' },
    { text: 'RUN echo amd64' },
    { text: 'RUN if [ "$(uname -m)" = x86_64 ]; then ./a amd64; fi' },
    { text: 'ARG TARGETARCH\nRUN ./install.sh $TARGETARCH' },
    { text: `RUN curl -O ${gosu}/1.17/gosu-amd64` },
  ]);

  const compose = 'https://github.com/docker/compose/releases/download/v2.20.0/docker-compose-linux';
  migratesOnce(archConstantInEnv, [
    [`ARG A=x86_64\nFROM debian:13\nARG A\nRUN curl -fsSLO ${compose}-$A\n`],
    [`ARG A="x86_64"\nFROM debian:13 AS a\nARG A\nADD ${compose}-$A /\nFROM a\nRUN curl ${compose}-$A\n`],
  ]);
});
