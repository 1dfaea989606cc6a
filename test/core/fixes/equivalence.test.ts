import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import {
  applyEdits,
  type Dockerfile,
  expandIn,
  type Instruction,
  parseDockerfile,
  platformArgs,
  resolveBase,
  resolveSources,
  type Stage,
  scopeAt,
  type Word,
} from '@mabuild/core';
import { formatPlatform, type Platform, parsePlatform } from '@mabuild/oci';
import { expect } from 'chai';
import { perArchEdits } from '../../../packages/core/src/fixes/per-arch.ts';
import { portableEdits } from '../../../packages/core/src/fixes/portable.ts';
import { readMarked } from '../../support/variations.ts';

const amd64 = parsePlatform('linux/amd64');
const arm64 = parsePlatform('linux/arm64');
const armv7 = parsePlatform('linux/arm/v7');
const count = Number(process.env.MABUILD_TEST_ROUNDS ?? '60');

const marked = {
  x64: { arm64: 'arm64', v7: 'armv7l' },
  x86_64: { arm64: 'aarch64', v7: 'armhf', v6: 'armel' },
  amd64: { arm64: 'arm64', v7: 'arm', v6: 'arm' },
  lib32: { name: 'package', arm64: '', v7: '' },
  c0ffee: { name: 'sha256', arm64: 'decade', v7: 'facade' },
};

/** Texts with marks that vary, in every place that a mark can stand in. */
const lines = [
  'RUN echo a-«x64».tar && echo "«x64»" \'«x86_64»\'',
  'RUN echo \\\n    «lib32» \\\n    # note\n    b «x86_64» \\\n    «lib32»',
  'RUN set -e; \\\n  echo "$A $B" \'b-«amd64»\' ; echo «c0ffee»',
  'RUN <<EOF\nset -e\necho "«x64» $A" \'«c0ffee»\'\nEOF',
  'RUN cat <<EOF\n«x86_64» $A\nEOF',
  "RUN cat <<'EOF'\n«x86_64» $A\nEOF",
  "RUN sh -c 'echo «x64»' && echo $(echo «amd64»)",
  'RUN ["echo", "«x64»"]',
  'RUN echo plain "$A" "$B"',
  'RUN arch=1; echo $arch «x64»',
  'ENV A=«x64» B="b-«amd64»"',
  'ENV A=«amd64»',
  "ENV B='«amd64»'",
  'ARG A=«x86_64»',
  'ARG B=«amd64»',
  'ENV A=plain',
  'COPY a-«x64» /b/',
  'COPY a-«amd64» /b/',
  'ADD --checksum=sha256:«c0ffee» http://a/«x64» /',
  'COPY plain /',
  'WORKDIR /«amd64»',
  'USER u',
  'LABEL a=«x64» \\\n  b=plain',
  'EXPOSE 1',
  'CMD ["/«x64»"]',
  'CMD echo plain',
  'ENTRYPOINT ["/e", "«x86_64»"]',
  'ENTRYPOINT ["/plain"]',
  'ARG TARGETARCH',
  '# a comment',
  '',
];

/** Numbers that are the same in every run. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

function makeDockerfile(seed: number): string {
  const below = numbers(seed);
  const names = ['first', undefined, 'last'];
  const stages = Array.from({ length: 1 + below(3) }, (_, index) => {
    const base = index > 0 && below(2) === 0 && names[index - 1] ? names[index - 1] : 'base';
    const name = below(2) === 0 ? names[index] : undefined;
    if (name === undefined) names[index] = undefined;
    const body = Array.from({ length: below(8) }, () => lines[below(lines.length)]);
    if (index > 0) body.push(`COPY --from=${below(index)} /«x64» /`);
    return [`FROM ${base}${name === undefined ? '' : ` AS ${name}`}`, ...body].join('\n');
  });
  const text = `${stages.join('\n')}\n`;
  return below(4) === 0 && !text.includes('<<') ? text.replaceAll('\n', '\r\n') : text;
}

interface Build {
  readonly steps: readonly string[];
  readonly cmd: string | undefined;
  readonly entrypoint: string | undefined;
}

/** What a stage builds, step by step, as BuildKit would; automatic ARGs do not count. */
function build(dockerfile: Dockerfile, stage: Stage, platform: Platform): Build {
  const options = { platformArgs: platformArgs(platform, amd64) };
  const base = resolveBase(dockerfile, stage, options);
  const before: Build =
    base.kind === 'stage'
      ? build(dockerfile, base.stage, platform)
      : { steps: [base.kind === 'image' ? base.name : base.kind], cmd: undefined, entrypoint: undefined };
  const steps = [...before.steps];
  let { cmd, entrypoint } = before;
  let hasCmd = false;
  for (const instruction of stage.instructions) {
    const { keyword, words, args } = instruction;
    const scope = scopeAt(dockerfile, stage, instruction, options);
    const expanded = (word: Word): string => expandIn(dockerfile, word, scope).expansion.text;
    const env = Object.fromEntries([...scope].map(([name, { value }]) => [name, value]));
    if (keyword === 'ARG') {
      steps.push(...words.map(expanded).filter((text) => !text.startsWith('TARGET')));
    } else if (keyword === 'RUN') steps.push(run(instruction, env));
    else if (keyword === 'CMD') {
      cmd = args.join(' ');
      hasCmd = true;
    } else if (keyword === 'ENTRYPOINT') {
      entrypoint = args.join(' ');
      if (!hasCmd) cmd = undefined;
    } else {
      const flags = instruction.flags.filter(({ name }) => name !== 'from').map(({ value }) => value);
      steps.push([keyword, ...flags, ...words.map(expanded)].join(' '));
      for (const { base: from } of resolveSources(dockerfile, instruction)) {
        if (from.kind === 'stage') steps.push(JSON.stringify(build(dockerfile, from.stage, platform)));
      }
    }
  }
  return { steps: steps.filter((step) => step !== ''), cmd, entrypoint };
}

function run({ json, args, heredocs }: Instruction, env: Readonly<Record<string, string>>): string {
  const [first] = heredocs;
  const line = args[0] ?? '';
  const script =
    first && /^<<\S+$/.test(line)
      ? first.content
      : [line, ...heredocs.map(({ content, name }) => `${content}${name}\n`)].join('\n');
  const [command, ...rest] = json ? args : ['dash', '-c', script];
  const result = spawnSync(command ?? '', rest, { env: { ...env, PATH: '/usr/bin:/bin' }, encoding: 'utf8' });
  return `${result.status}: ${result.stdout}`;
}

const hasDash = ['/bin/dash', '/usr/bin/dash'].some((path) => existsSync(path));

describe(`one file says what files of each platform say${hasDash ? '' : ' (skipped: no dash here)'}`, function () {
  this.timeout(count * 2000);
  for (let seed = 1; hasDash && seed <= count; seed += 1) {
    it(`Dockerfile ${seed}`, () => {
      const { text, dockerfile, variations } = readMarked(makeDockerfile(seed), marked);
      const { edits, refused } = portableEdits(dockerfile, variations, [arm64, armv7]);
      expect(refused, text).to.deep.equal([]);
      const portable = parseDockerfile(applyEdits(text, edits));
      for (const platform of [amd64, arm64, armv7]) {
        const own = parseDockerfile(applyEdits(text, perArchEdits(dockerfile, variations, platform)));
        const [wanted, got] = [own, portable].map((file) =>
          build(file, file.stages.at(-1) as Stage, platform),
        );
        expect(got, `${formatPlatform(platform)}\n${text}\n---\n${portable.text}`).to.deep.equal(wanted);
      }
    });
  }
});
