import { multiarchLibdir } from '../../../packages/core/src/rules/multiarch-libdir.ts';
import { migratesOnce } from '../../support/migrates-once.ts';
import { ruleTable } from '../../support/rule-table.ts';

const on = (text: string): { arm64: string; v7: string; v6: string } => ({
  arm64: `error auto: ${text} → aarch64-linux-gnu`,
  v7: `error auto: ${text} → arm-linux-gnueabihf`,
  v6: `error auto: ${text} → arm-linux-gnueabi`,
});
const x64 = 'x86_64-linux-gnu';

ruleTable(multiarchLibdir, [
  { text: `ENV LD_LIBRARY_PATH=/usr/lib/${x64}/foo`, ...on(x64) },
  { text: `RUN ln -s /usr/lib/${x64}/libfoo.so.1 /usr/lib/libfoo.so`, ...on(x64) },
  { text: `RUN echo /opt/lib/${x64} > /etc/ld.so.conf.d/opt.conf`, ...on(x64) },
  { text: `COPY --from=x /usr/lib/${x64}/libfoo.so* /usr/lib/`, ...on(x64) },
  { text: `CMD ["/usr/lib/${x64}/foo", "-v"]`, ...on(x64) },
  { text: `WORKDIR /usr/lib/${x64}`, ...on(x64) },
  { text: `RUN cc -I/usr/include/${x64} -L/usr/lib/${x64} a.c`, ...twice() },
  { text: `ENV T=${x64}\nRUN ls "/usr/lib/$T" && ls /usr/lib/$T/x`, ...on(x64) },
  { text: `RUN t=${x64}; ls "/usr/lib/$t/libfoo.so"`, ...on(x64) },
  { text: `RUN cat > /etc/x <<EOF\npath=/usr/lib/${x64}\nEOF`, ...on(x64) },
  { text: `RUN ls \\\n  /usr/lib/x86_64-\\\nlinux-gnu`, ...on(x64) },
  // ARMv6 with hard float is Raspbian's, where the folder is another.
  {
    text: `FROM balenalib/rpi-raspbian:buster\nRUN ls /usr/lib/${x64}/x`,
    arm64: on(x64).arm64,
    v7: on(x64).v7,
    v6: `error none: ${x64}`,
  },
  { text: `FROM ubuntu:22.04\nRUN ls /lib/${x64}/x`, ...on(x64), v6: `error none: ${x64}` },
  { text: `FROM debian:13 AS a\nFROM a\nRUN ls /lib/${x64}/x`, ...on(x64) },
  { text: 'RUN ls /usr/lib/i386-linux-gnu', all: 'error none: i386-linux-gnu' },
  // A test that only the RUN itself hangs on.
  { text: `RUN test -e /usr/lib/${x64}/libz.so.1`, ...on(x64) },
  { text: `RUN apt-get update && [ -e /usr/lib/${x64}/libz.so.1 ]`, ...on(x64) },
  {
    text: `RUN test -e /usr/lib/${x64}/libz.so.1 && rm -rf /var/lib/apt/lists/* >/dev/null 2>&1`,
    ...on(x64),
  },
  { text: `RUN <<EOF\nset -e\ntest -e /usr/lib/${x64}/libz.so.1\nEOF`, ...on(x64) },
  { text: `RUN test -e /usr/lib/${x64}/libz.so.1 || exit 1`, ...on(x64) },
  { text: `RUN a && [ -f "/usr/lib/${x64}/libz.so.1" ] || { echo "no libz" >&2; exit 2; }; b`, ...on(x64) },
  { text: `RUN test -e /usr/lib/${x64}/libz.so.1 || false; b`, ...on(x64) },
  // Nothing to say.
  { text: `RUN test -e /usr/lib/${x64}/x || { echo none; }` },
  { text: `RUN ! test -e /usr/lib/${x64}/x || exit 1` },
  { text: `RUN a || test -e /usr/lib/${x64}/x || exit 1` },
  { text: `RUN if test -e /usr/lib/${x64}/x; then a; fi` },
  { text: `RUN test -e /usr/lib/${x64}/x || b` },
  { text: `RUN test -e /usr/lib/${x64}/x && a || b` },
  { text: `RUN test -e /usr/lib/${x64}/x && ln -s /usr/lib/${x64}/x /x` },
  { text: `RUN [ -d /usr/lib/${x64} ] && a; b` },
  { text: `RUN a || test -e /usr/lib/${x64}/x` },
  { text: `RUN ! test -e /usr/lib/${x64}/x` },
  { text: `RUN while [ -e /usr/lib/${x64}/x ]; do a; done` },
  { text: `RUN (test -e /usr/lib/${x64}/x); a` },
  { text: `HEALTHCHECK CMD test -e /usr/lib/${x64}/x` },
  { text: `RUN ls /usr/lib/*-linux-gnu*/libfoo.so` },
  { text: `RUN ${x64}-gcc a.c` },
  { text: `RUN curl -O https://example.org/${x64}/foo-${x64}.tar.gz` },
  { text: `RUN echo "no /usr/lib/${x64} here"` },
  { text: `LABEL x=/usr/lib/${x64}` },
  { text: `# /usr/lib/${x64}\nRUN true` },
  { text: `RUN if [ "$(uname -m)" = x86_64 ]; then ls /usr/lib/${x64}; fi` },
  { text: `RUN case "$(dpkg --print-architecture)" in amd64) ls /usr/lib/${x64} ;; esac` },
  { text: `FROM debian:13 AS build-amd64\nRUN ls /usr/lib/${x64}` },
  { text: `FROM --platform=$BUILDPLATFORM debian:13\nRUN ls /usr/lib/${x64}` },
  {
    text: `ENV LD_LIBRARY_PATH=/usr/lib/${x64}:/usr/lib/aarch64-linux-gnu`,
    v7: on(x64).v7,
    v6: on(x64).v6,
  },
]);

migratesOnce(multiarchLibdir, [
  [
    `FROM debian:13\nRUN ln -s /usr/lib/${x64}/libfoo.so.1 /usr/lib/${x64}/libfoo.so\n`,
    `FROM debian:13\nARG TARGETARCH\nARG TARGETVARIANT\nRUN case "$TARGETARCH$TARGETVARIANT" in \\\n      amd64*) arch=x86_64-linux-gnu ;; \\\n      arm64*) arch=aarch64-linux-gnu ;; \\\n      armv7*) arch=arm-linux-gnueabihf ;; \\\n      armv6*) arch=arm-linux-gnueabi ;; \\\n      *) echo "unsupported platform: \${TARGETARCH:-none, build with BuildKit}$TARGETVARIANT" >&2; exit 1 ;; \\\n    esac; \\\n    ln -s /usr/lib/\${arch}/libfoo.so.1 /usr/lib/\${arch}/libfoo.so\n`,
  ],
  [`FROM debian:13\nENV LD_LIBRARY_PATH=/usr/lib/${x64}/foo\n`],
  [
    `FROM debian:13 AS b\nFROM debian:13\nCOPY --from=b /usr/lib/${x64}/libfoo.so /usr/lib/${x64}/\nCMD ["x"]\n`,
  ],
  [`FROM debian:13\nRUN <<EOF\nset -e\nls '/usr/lib/${x64}'\nEOF\n`],
]);

function twice(): { arm64: string; v7: string; v6: string } {
  const { arm64, v7, v6 } = on(x64);
  const again = (row: string): string => `${row}, ${row.slice('error auto: '.length)}`;
  return { arm64: again(arm64), v7: again(v7), v6: again(v6) };
}
