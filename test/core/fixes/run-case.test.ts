import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { applyEdits, parseDockerfile } from '@mabuild/core';
import { parsePlatformList } from '@mabuild/oci';
import { expect } from 'chai';
import { portableEdits } from '../../../packages/core/src/fixes/portable.ts';
import { type Marked, readMarked } from '../../support/variations.ts';

const both = 'linux/arm64,linux/arm/v7';

const marked: Readonly<Record<string, Marked>> = {
  x64: { arm64: 'arm64', v7: 'armv7l' },
  x86_64: { arm64: 'aarch64', v7: 'armhf', v6: 'armel' },
  amd64: { arm64: 'arm64', v7: 'arm' },
  only: { arm64: 'ARM' },
  '': { arm64: '-arm64', v7: '-armhf' },
  '0123abcd': { name: 'sha256', arm64: '4567abcd' },
  lib32z1: { name: 'package', arm64: '', v7: '' },
  deb: { shell: { text: '$(echo ${TARGETARCH})', args: ['TARGETARCH'] } },
  odd: { arm64: "it's $odd", v7: 'x' },
  space: { arm64: 'a b', v7: "c'd" },
  brace: { arm64: '{a,b}', v7: 'x' },
};

/** What each platform prints; `undefined` where the RUN stops. */
type Printed = Readonly<
  Partial<Record<'amd64' | 'arm64' | 'armv7' | 'armv6' | 'riscv64', string | undefined>>
>;

interface Row {
  readonly title: string;
  readonly before: string;
  readonly after: string;
  readonly printed?: Printed;
  /** @default both */
  readonly platforms?: string;
}

const x64: Printed = { amd64: 'x64', arm64: 'arm64', armv7: 'armv7l', riscv64: undefined };

const unset = '${TARGETARCH:-none, build with BuildKit}';

/** The lines of a `case`; `lines` end each of them. */
function chosen(
  branches: readonly string[],
  { indent = '    ', end = ' \\\n', args = '$TARGETARCH$TARGETVARIANT' } = {},
): string {
  const rows = [
    ...branches,
    `*) echo "unsupported platform: ${args.replace('$TARGETARCH', unset)}" >&2; exit 1 ;;`,
  ];
  return [
    `case "${args}" in${end}`,
    ...rows.map((row) => `${indent}  ${row}${end}`),
    `${indent}esac;${end}${indent}`,
  ].join('');
}

const args = 'ARG TARGETARCH\nARG TARGETVARIANT\n';
const x64Branches = ['amd64*) arch=x64 ;;', 'arm64*) arch=arm64 ;;', 'armv7*) arch=armv7l ;;'];
const x86Branches = [
  'amd64*) arch=x86_64 ;;',
  'arm64*) arch=aarch64 ;;',
  'armv7*) arch=armhf ;;',
  'armv6*) arch=armel ;;',
];

const rows: readonly Row[] = [
  {
    title: 'one line',
    before: 'FROM a\n# why\nRUN echo «x64»\n',
    after: String.raw`FROM a
ARG TARGETARCH
ARG TARGETVARIANT
# why
RUN case "$TARGETARCH$TARGETVARIANT" in \
      amd64*) arch=x64 ;; \
      arm64*) arch=arm64 ;; \
      armv7*) arch=armv7l ;; \
      *) echo "unsupported platform: ${unset}$TARGETVARIANT" >&2; exit 1 ;; \
    esac; \
    echo ${'${arch}'}
`,
    printed: x64,
  },
  {
    title: 'no variant asked for',
    platforms: 'linux/arm64',
    before: 'FROM a\nRUN echo «x64»\n',
    after: `FROM a\nARG TARGETARCH\nRUN ${chosen(x64Branches.slice(0, 2), { args: '$TARGETARCH' })}echo \${arch}\n`,
    printed: { ...x64, armv7: undefined },
  },
  {
    title: 'one more platform known',
    before: 'FROM a\nRUN echo «x86_64»\n',
    after: `FROM a\n${args}RUN ${chosen(x86Branches)}echo \${arch}\n`,
    printed: { amd64: 'x86_64', arm64: 'aarch64', armv7: 'armhf', armv6: 'armel', riscv64: undefined },
  },
  {
    title: 'the indent and the quotes of the RUN; one variable for one text',
    before:
      "FROM a\nRUN set -e \\\n  && echo \"«x64»\" '«x64»' x-'y-«x64»-z' '«x64»/' '/«x64»' \\\n  # note\n  && echo «x\\\n64»\nUSER b\n",
    after: `FROM a\n${args}RUN ${chosen(x64Branches, { indent: '  ' })}set -e \\\n  && echo "\${arch}" "\${arch}" x-'y-'"\${arch}"'-z' "\${arch}"'/' '/'"\${arch}" \\\n  # note\n  && echo \\\n\${arch}\nUSER b\n`,
    printed: {
      amd64: 'x64 x64 x-y-x64-z x64/ /x64\nx64',
      arm64: 'arm64 arm64 x-y-arm64-z arm64/ /arm64\narm64',
      armv7: 'armv7l armv7l x-y-armv7l-z armv7l/ /armv7l\narmv7l',
      riscv64: undefined,
    },
  },
  {
    title: 'the smallest indent of the RUN',
    before: 'FROM a\nRUN echo \\\n      b \\\n\t  c \\\n    d \\\n\\\n    «x64»\n',
    after: `FROM a\n${args}RUN ${chosen(x64Branches, { indent: '\t  ' })}echo \\\n      b \\\n\t  c \\\n    d \\\n\\\n    \${arch}\n`,
    printed: { amd64: 'b c d x64', arm64: 'b c d arm64' },
  },
  {
    title: 'CRLF, tabs and flags',
    before: 'FROM a\r\n\tRUN --mount=type=tmpfs,target=/x --network=none \\\r\n\t\techo «x64»\r\n',
    after: `FROM a\r\n\tARG TARGETARCH\r\n\tARG TARGETVARIANT\r\n\tRUN --mount=type=tmpfs,target=/x --network=none \\\r\n\t\t${chosen(x64Branches, { indent: '\t\t', end: ' \\\r\n' })}echo \${arch}\r\n`,
    printed: x64,
  },
  {
    title: 'a comment before the first command',
    before: 'FROM a\nRUN \\\n  # note\n  echo «x64»',
    after: `FROM a\n${args}RUN \\\n  # note\n  ${chosen(x64Branches, { indent: '  ' })}echo \${arch}`,
    printed: x64,
  },
  {
    title: 'a stage of the build platform',
    before: 'FROM --platform=$BUILDPLATFORM a\nARG TARGETARCH\nRUN echo «x64»\n',
    after: `FROM --platform=$BUILDPLATFORM a\nARG TARGETARCH\nARG TARGETVARIANT\nRUN ${chosen(x64Branches)}echo \${arch}\n`,
    printed: x64,
  },
  {
    title: 'lower case',
    before: 'from a\nrun echo «x64»\n',
    after: `from a\narg TARGETARCH\narg TARGETVARIANT\nrun ${chosen(x64Branches)}echo \${arch}\n`,
    printed: x64,
  },
  {
    title: 'what || and & mean',
    before: 'FROM a\nRUN false || echo «x64» & wait\n',
    after: `FROM a\n${args}RUN ${chosen(x64Branches)}false || echo \${arch} & wait\n`,
    printed: x64,
  },
  {
    title: 'the command itself, substitutions, functions, assignments',
    before:
      'FROM a\nRUN f() { echo «x64»; }; V=«x64» && f && echo "$(echo «x64») `echo «x64»` $V ${W:-«x64»}"\n',
    after: `FROM a\n${args}RUN ${chosen(x64Branches)}f() { echo \${arch}; }; V=\${arch} && f && echo "$(echo \${arch}) \`echo \${arch}\` $V \${W:-\${arch}}"\n`,
    printed: {
      amd64: 'x64\nx64 x64 x64 x64',
      arm64: 'arm64\narm64 arm64 arm64 arm64',
      armv7: 'armv7l\narmv7l armv7l armv7l armv7l',
    },
  },
  {
    title: 'a script in quotes',
    before: `FROM a\nRUN sh -c 'echo «x64»' && sh -c "echo «x64»"\n`,
    after: `FROM a\n${args}RUN ${chosen(x64Branches)}sh -c 'echo '"\${arch}" && sh -c "echo \${arch}"\n`,
    printed: { amd64: 'x64\nx64', arm64: 'arm64\narm64', armv7: 'armv7l\narmv7l' },
  },
  {
    title: 'a heredoc that is the script',
    before: 'FROM a\nRUN <<EOF\nset -e\necho «x64»\nEOF\nUSER b\n',
    after: `FROM a\n${args}RUN <<EOF\ncase "$TARGETARCH$TARGETVARIANT" in\n${x64Branches.map((row) => `  ${row}\n`).join('')}  *) echo "unsupported platform: \${TARGETARCH:-none, build with BuildKit}$TARGETVARIANT" >&2; exit 1 ;;\nesac\nset -e\necho \${arch}\nEOF\nUSER b\n`,
    printed: x64,
  },
  {
    title: 'a heredoc with CRLF',
    platforms: 'linux/arm64',
    before: 'FROM a\r\nRUN <<EOF\r\necho «x64» #\r\nEOF\r\n',
    after:
      'FROM a\r\nARG TARGETARCH\r\nRUN <<EOF\r\ncase "$TARGETARCH" in\n  amd64*) arch=x64 ;;\n  arm64*) arch=arm64 ;;\n  *) echo "unsupported platform: ${TARGETARCH:-none, build with BuildKit}" >&2; exit 1 ;;\nesac\necho ${arch} #\r\nEOF\r\n',
    printed: { ...x64, armv7: undefined },
  },
  {
    title: 'a heredoc that names its shell',
    platforms: 'linux/arm64',
    before: `FROM a\nRUN <<-'EOF'\n#!/bin/sh -e\n\techo '«x64»'\n\tEOF\n`,
    after: `FROM a\nARG TARGETARCH\nRUN <<-'EOF'\n#!/bin/sh -e\ncase "$TARGETARCH" in\n  amd64*) arch=x64 ;;\n  arm64*) arch=arm64 ;;\n  *) echo "unsupported platform: \${TARGETARCH:-none, build with BuildKit}" >&2; exit 1 ;;\nesac\n\techo "\${arch}"\n\tEOF\n`,
    printed: { ...x64, armv7: undefined },
  },
  {
    title: 'a heredoc that a command reads',
    before: 'FROM a\nRUN cat <<EOF\n«x64»\nEOF\n',
    after: `FROM a\n${args}RUN ${chosen(x64Branches)}cat <<EOF\n\${arch}\nEOF\n`,
    printed: x64,
  },
  {
    title: 'two RUNs of one stage, and a stage on top of it',
    before: 'FROM a AS b\nRUN echo «x64»\nRUN echo «x64»\nFROM b\nRUN echo «x64»\n',
    after: `FROM a AS b\n${args}RUN ${chosen(x64Branches)}echo \${arch}\nRUN ${chosen(x64Branches)}echo \${arch}\nFROM b\nRUN ${chosen(x64Branches)}echo \${arch}\n`,
    printed: { amd64: 'x64\nx64\nx64', arm64: 'arm64\narm64\narm64' },
  },
  {
    title: 'ARGs that are declared already, here or in the stage below',
    before:
      'FROM a AS b\nARG TARGETVARIANT\nFROM b AS c\nARG TARGETARCH V=1\nRUN echo «x64»\nFROM a\nRUN echo «x64»\nARG TARGETARCH\n',
    after: `FROM a AS b\nARG TARGETVARIANT\nFROM b AS c\nARG TARGETARCH V=1\nRUN ${chosen(x64Branches)}echo \${arch}\nFROM a\n${args}RUN ${chosen(x64Branches)}echo \${arch}\nARG TARGETARCH\n`,
    printed: { arm64: 'arm64\narm64' },
  },
  {
    title: 'names that are taken',
    before:
      'FROM a\nARG arch2=1\nENV arch3=1 \\\n  arch4=1\nRUN arch=/arch6 && : a/arch5 "&arch5=" && echo $arch/«x64»\n',
    after: `FROM a\nARG arch2=1\nENV arch3=1 \\\n  arch4=1\n${args}RUN ${chosen(x64Branches.map((row) => row.replace('arch=', 'arch5=')))}arch=/arch6 && : a/arch5 "&arch5=" && echo $arch/\${arch5}\n`,
    printed: { amd64: '/arch6/x64', arm64: '/arch6/arm64' },
  },
  {
    title: 'a name that the stage below gives away',
    before: 'FROM a AS b\nENV arch=1\nFROM b\nRUN echo «x64»\n',
    after: `FROM a AS b\nENV arch=1\nFROM b\n${args}RUN ${chosen(x64Branches.map((row) => row.replace('arch=', 'arch2=')))}echo \${arch2}\n`,
    printed: x64,
  },
  {
    title: 'two texts, a checksum that is not known, a platform that is not known',
    before: 'FROM a\nRUN echo «x64» «only» && echo "«0123abcd»  x" «x64»\n',
    after: `FROM a\n${args}RUN ${chosen([
      'amd64*) arch=x64; arch2=only; sha256=0123abcd ;;',
      'arm64*) arch=arm64; arch2=ARM; sha256=4567abcd ;;',
    ])}echo \${arch} \${arch2} && echo "\${sha256}  x" \${arch}\n`,
    printed: { amd64: 'x64 only\n0123abcd  x x64', arm64: 'arm64 ARM\n4567abcd  x arm64', armv7: undefined },
  },
  {
    title: 'a checksum that is not known',
    before: 'FROM a\nRUN echo «x64» «0123abcd»\n',
    after: `FROM a\n${args}RUN ${chosen([
      'amd64*) arch=x64; sha256=0123abcd ;;',
      'arm64*) arch=arm64; sha256=4567abcd ;;',
      'armv7*) arch=armv7l; sha256=put-the-sha256-of-the-armv7-asset-here ;;',
    ])}echo \${arch} \${sha256}\n`,
    printed: { armv7: 'armv7l put-the-sha256-of-the-armv7-asset-here' },
  },
  {
    title: 'a text of the shell',
    before: `FROM a\nRUN echo «deb» "«deb»" '«deb»'\n`,
    after:
      'FROM a\nARG TARGETARCH\nRUN echo $(echo ${TARGETARCH}) "$(echo ${TARGETARCH})" "$(echo ${TARGETARCH})"\n',
    printed: { arm64: 'arm64 arm64 arm64', armv7: 'arm arm arm' },
  },
  {
    title: 'the words of Go',
    before: `FROM a\nRUN echo «amd64» '«amd64»'\n`,
    after: 'FROM a\nARG TARGETARCH\nRUN echo ${TARGETARCH} "${TARGETARCH}"\n',
    printed: { amd64: 'amd64 amd64', arm64: 'arm64 arm64', armv7: 'arm arm' },
  },
  {
    title: 'the words of Go beside others',
    before: 'FROM a\nRUN echo «amd64» «x64»\n',
    after: `FROM a\n${args}RUN ${chosen([
      'amd64*) arch=amd64; arch2=x64 ;;',
      'arm64*) arch=arm64; arch2=arm64 ;;',
      'armv7*) arch=arm; arch2=armv7l ;;',
    ])}echo \${arch} \${arch2}\n`,
    printed: { amd64: 'amd64 x64', arm64: 'arm64 arm64', armv7: 'arm armv7l' },
  },
  {
    title: 'a word that goes',
    before: `FROM a\nRUN printf '<%s>' a «lib32z1» "«lib32z1»" b\n`,
    after: `FROM a\n${args}RUN ${chosen([
      'amd64*) package=lib32z1 ;;',
      'arm64*) package= ;;',
      'armv7*) package= ;;',
    ])}printf '<%s>' a \${package} \${package} b\n`,
    printed: { amd64: '<a><lib32z1><lib32z1><b>', arm64: '<a><b>' },
  },
  {
    title: 'nothing there',
    before: 'FROM a\nRUN echo tini«»\n',
    after: `FROM a\n${args}RUN ${chosen([
      'amd64*) arch= ;;',
      'arm64*) arch=-arm64 ;;',
      'armv7*) arch=-armhf ;;',
    ])}echo tini\${arch}\n`,
    printed: { amd64: 'tini', arm64: 'tini-arm64', armv7: 'tini-armhf' },
  },
  {
    title: 'texts that need quotes',
    before: 'FROM a\nRUN echo «space»\n',
    after: `FROM a\n${args}RUN ${chosen([
      'amd64*) arch=space ;;',
      "arm64*) arch='a b' ;;",
      `armv7*) arch='c'\\''d' ;;`,
    ])}echo \${arch}\n`,
    printed: { amd64: 'space', arm64: 'a b', armv7: "c'd" },
  },
  {
    title: 'ONBUILD',
    before: 'FROM a\nONBUILD RUN echo «x64»\nRUN echo «amd64»\n',
    after: `FROM a\nONBUILD ARG TARGETARCH\nONBUILD ARG TARGETVARIANT\nONBUILD RUN ${chosen(x64Branches)}echo \${arch}\nARG TARGETARCH\nRUN echo \${TARGETARCH}\n`,
  },
];

/** What cannot be written, and stays as it is. */
const refusedRows: readonly (readonly [title: string, before: string])[] = [
  [
    'a long RUN with a heredoc that expands nothing',
    `FROM a\nRUN echo «x64» && cat <<'EOF' > x\n1\n2\n3\n4\n5\n6\n«x64»\nEOF\n`,
  ],
  ['a base that is not known', 'ARG BASE\nFROM $BASE AS b\nFROM b\nRUN echo «x64»\n'],
  ['Windows', 'FROM mcr.microsoft.com/windows/nanoserver\nRUN echo «x64»\n'],
  ['a stage of one architecture', 'FROM a AS b-amd64\nRUN echo «x64»\n'],
  ['a default of the ARG', 'FROM a\nARG TARGETARCH=amd64\nRUN echo «x64»\n'],
  ['a default of the ARG below', 'FROM a AS b\nARG TARGETARCH=amd64\nFROM b\nRUN echo «x64»\n'],
  ['a default for the whole file', 'ARG TARGETARCH=amd64\nFROM a\nRUN echo «x64»\n'],
  ['an ENV of that name', 'FROM a\nENV TARGETARCH=x\nRUN echo «x64»\n'],
  ['a variable in the text', 'FROM a\nRUN echo «odd»\n'],
  ['braces', 'FROM a\nRUN echo «brace»\n'],
];

const platformsOf = {
  amd64: { TARGETARCH: 'amd64', TARGETVARIANT: '' },
  arm64: { TARGETARCH: 'arm64', TARGETVARIANT: '' },
  armv7: { TARGETARCH: 'arm', TARGETVARIANT: 'v7' },
  armv6: { TARGETARCH: 'arm', TARGETVARIANT: 'v6' },
  riscv64: { TARGETARCH: 'riscv64', TARGETVARIANT: '' },
} as const;

/** What the RUNs of a Dockerfile print, one after the other. */
function print(text: string, env: Readonly<Record<string, string>>): string | undefined {
  let out = '';
  for (const { keyword, args, heredocs } of parseDockerfile(text).instructions) {
    if (keyword !== 'RUN') continue;
    const [first] = heredocs;
    const line = args[0] ?? '';
    const script = !first
      ? line
      : /^<<\S+$/.test(line)
        ? first.content
        : `${line}\n${heredocs.map(({ content, name }) => `${content}${name}\n`).join('')}`;
    const { status, stdout } = spawnSync('dash', ['-c', script], { env, encoding: 'utf8' });
    if (status !== 0) return undefined;
    out += stdout;
  }
  return out.trimEnd();
}

const hasDash = ['/bin/dash', '/usr/bin/dash'].some((path) => existsSync(path));

describe('a RUN for every platform', () => {
  for (const { title, before, after, printed, platforms = both } of rows) {
    const { text, dockerfile, variations } = readMarked(before, marked);
    const { edits, refused } = portableEdits(dockerfile, variations, parsePlatformList(platforms));
    const result = applyEdits(text, edits);
    it(title, () => {
      expect(refused).to.deep.equal([]);
      expect(result).to.equal(after);
    });
    if (!printed) continue;
    (hasDash ? it : it.skip)(`${title}: run${hasDash ? '' : ' (skipped: no dash here)'}`, () => {
      if (printed.amd64 !== undefined && !text.includes('deb'))
        expect(print(text, {})).to.equal(printed.amd64);
      for (const [platform, expected] of Object.entries(printed)) {
        const env = platformsOf[platform as keyof Printed];
        expect(print(result, env), platform).to.equal(expected);
      }
    });
  }
  for (const [title, before] of refusedRows) {
    it(`refuses ${title}`, () => {
      const { dockerfile, variations } = readMarked(before, marked);
      const { edits, refused } = portableEdits(dockerfile, variations, parsePlatformList(both));
      expect(refused).to.not.be.empty;
      expect(edits).to.deep.equal([]);
    });
  }
});
