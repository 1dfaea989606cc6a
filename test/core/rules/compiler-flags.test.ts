import { configureTripletX86 } from '../../../packages/core/src/rules/configure-triplet-x86.ts';
import { dynamicLoaderPath } from '../../../packages/core/src/rules/dynamic-loader-path.ts';
import { x86PreloadOrJvmFlag } from '../../../packages/core/src/rules/x86-preload-or-jvm-flag.ts';
import { migratesOnce } from '../../support/migrates-once.ts';
import { type RuleRow, ruleTable } from '../../support/rule-table.ts';

type Expected = Pick<RuleRow, 'arm64' | 'v7' | 'v6'>;
const changes = (
  text: string,
  arm64: string,
  v7: string,
  v6: string | undefined,
  kind = 'error auto',
): Expected => ({
  arm64: `${kind}: ${text} → ${arm64}`,
  v7: `${kind}: ${text} → ${v7}`,
  v6: v6 === undefined ? `error none: ${text}` : `${kind}: ${text} → ${v6}`,
});
const gnu = changes('x86_64-linux-gnu', 'aarch64-linux-gnu', 'arm-linux-gnueabihf', 'arm-linux-gnueabi');

ruleTable(configureTripletX86, [
  { text: 'RUN ./configure --build=x86_64-linux-gnu --prefix=/usr', ...gnu },
  { text: 'RUN ./configure --host x86_64-linux-gnu', ...gnu },
  {
    text: 'FROM alpine\nRUN ./configure --build=x86_64-linux-gnu',
    ...gnu,
    v6: 'error none: x86_64-linux-gnu',
  },
  {
    text: 'RUN ./configure --build=x86_64-pc-linux-gnu',
    ...changes(
      'x86_64-pc-linux-gnu',
      'aarch64-pc-linux-gnu',
      'arm-pc-linux-gnueabihf',
      'arm-pc-linux-gnueabi',
    ),
  },
  {
    text: 'FROM alpine\nRUN ./configure --build=x86_64-linux-musl',
    ...changes('x86_64-linux-musl', 'aarch64-linux-musl', 'arm-linux-musleabihf', 'arm-linux-musleabihf'),
  },
  {
    text: 'FROM alpine\nRUN ./configure --build=x86_64-alpine-linux-musl',
    ...changes(
      'x86_64-alpine-linux-musl',
      'aarch64-alpine-linux-musl',
      'armv7-alpine-linux-musleabihf',
      'armv6-alpine-linux-musleabihf',
    ),
  },
  {
    text: 'RUN ./Configure linux-x86_64 no-shared',
    ...changes('linux-x86_64', 'linux-aarch64', 'linux-armv4', 'linux-armv4'),
  },
  { text: 'RUN CC=x86_64-linux-gnu-gcc make', ...gnu },
  { text: 'RUN x86_64-linux-gnu-gcc-12 a.c', ...gnu },
  { text: 'ENV CHOST=x86_64-linux-gnu', ...gnu },
  {
    text: 'FROM fedora\nRUN ./configure --build=x86_64-redhat-linux-gnu',
    all: 'error none: x86_64-redhat-linux-gnu',
    arm64: 'error auto: x86_64-redhat-linux-gnu → aarch64-redhat-linux-gnu',
  },
  { text: 'RUN ./configure --host=i686-linux-gnu', all: 'error none: i686-linux-gnu' },
  { text: 'RUN ./configure --build=x86_64-linux-gnu --host=arm-linux-gnueabihf' },
  { text: 'RUN ./configure --build=x86_64-linux-gnu --host=x86_64-w64-mingw32' },
  { text: 'RUN ./configure --host x86_64-linux-gnu --build x86_64-linux-gnu --target "$TARGET"' },
  { text: 'RUN cargo build --target=x86_64-unknown-linux-gnu' },
  { text: 'RUN ./configure --build="$(dpkg-architecture --query DEB_BUILD_GNU_TYPE)"' },
  { text: 'FROM --platform=$BUILDPLATFORM debian:13\nRUN ./configure --build=x86_64-linux-gnu' },
  { text: 'RUN ls /usr/lib/x86_64-linux-gnu' },
  { text: 'RUN curl -O https://example.org/x86_64-linux-gnu-gcc.tar.gz' },
  { text: 'RUN if [ "$(uname -m)" = x86_64 ]; then ./configure --host=x86_64-linux-gnu; fi' },
]);

const glibc = changes(
  '/lib64/ld-linux-x86-64.so.2',
  '/lib/ld-linux-aarch64.so.1',
  '/lib/ld-linux-armhf.so.3',
  '/lib/ld-linux.so.3',
  'error semi',
);

ruleTable(dynamicLoaderPath, [
  { text: 'COPY --from=b /lib64/ld-linux-x86-64.so.2 /lib64/', ...glibc },
  { text: 'RUN patchelf --set-interpreter /lib64/ld-linux-x86-64.so.2 /app', ...glibc },
  {
    text: 'FROM alpine\nRUN patchelf --set-interpreter /lib64/ld-linux-x86-64.so.2 /app',
    ...glibc,
    v6: 'error none: /lib64/ld-linux-x86-64.so.2',
  },
  {
    text: 'FROM alpine\nCOPY --from=b /lib/ld-musl-x86_64.so.1 /lib/',
    ...changes(
      'ld-musl-x86_64.so.1',
      'ld-musl-aarch64.so.1',
      'ld-musl-armhf.so.1',
      'ld-musl-armhf.so.1',
      'error semi',
    ),
  },
  {
    text: 'FROM alpine\nRUN ln -s /lib/libc.musl-x86_64.so.1 /lib/x',
    ...changes(
      'libc.musl-x86_64.so.1',
      'libc.musl-aarch64.so.1',
      'libc.musl-armv7.so.1',
      'libc.musl-armhf.so.1',
      'error semi',
    ),
  },
  { text: 'FROM golang AS b\nFROM scratch\nCOPY --from=b /lib64 /lib64', all: 'warning none: /lib64' },
  { text: 'FROM fedora AS b\nFROM scratch\nCOPY --from=b /lib64 /lib64' },
  { text: 'COPY /lib64 /lib64' },
  { text: 'RUN ls /lib/ld-linux*.so.*' },
  { text: 'LABEL a=/lib64/ld-linux-x86-64.so.2' },
  { text: 'RUN if [ "$(uname -m)" = x86_64 ]; then ls /lib64/ld-linux-x86-64.so.2; fi' },
]);

ruleTable(x86PreloadOrJvmFlag, [
  { text: 'ENV LD_PRELOAD=/usr/lib/x86_64-linux-gnu/libjemalloc.so.2', ...gnu },
  { text: 'RUN LD_PRELOAD=/usr/lib/x86_64-linux-gnu/libjemalloc.so.2 x', ...gnu },
  { text: 'RUN export LD_PRELOAD=/usr/lib/x86_64-linux-gnu/libjemalloc.so.2', ...gnu },
  { text: 'RUN echo "LD_PRELOAD=/usr/lib/x86_64-linux-gnu/libjemalloc.so.2" >> /etc/environment', ...gnu },
  { text: 'ENV JAVA_OPTS="-Xmx1g -XX:UseAVX=2"', all: 'error auto:  -XX:UseAVX=2 → ' },
  { text: 'CMD ["java", "-d64", "-jar", "/x.jar"]', all: 'error auto: -d64 → ' },
  { text: 'RUN java -XX:UseSSE=3 -version', all: 'error auto: -XX:UseSSE=3 → ' },
  { text: 'ENV LD_PRELOAD=/usr/lib/libjemalloc.so.2' },
  { text: 'ENV LD_LIBRARY_PATH=/usr/lib/x86_64-linux-gnu' },
  { text: 'ENV JAVA_OPTS="-Xmx1g -XX:+UseG1GC"' },
  { text: 'RUN cut -d64 x' },
]);

migratesOnce(configureTripletX86, [
  ['FROM debian:13\nRUN ./configure --build=x86_64-linux-gnu --prefix=/usr\n'],
]);
migratesOnce(dynamicLoaderPath, [
  ['FROM debian:13\nRUN patchelf --set-interpreter /lib64/ld-linux-x86-64.so.2 /app\n'],
]);
migratesOnce(x86PreloadOrJvmFlag, [
  ['FROM debian:13\nENV LD_PRELOAD=/usr/lib/x86_64-linux-gnu/libjemalloc.so.2\n'],
  ['FROM debian:13\nENV JAVA_OPTS="-Xmx1g -XX:UseAVX=2"\n'],
  ['FROM debian:13\nRUN java -XX:UseSSE=3 -version\n'],
]);
