import { availableParallelism } from 'node:os';
import { migrateDockerfile } from '@mabuild/core';
import { formatPlatform, type Platform, parsePlatform } from '@mabuild/oci';
import { expect } from 'chai';
import { buildArgsFor, platformsMadeFor } from '../support/architecture-lines.ts';
import { type PlainFile, portedFiles, share, siblingFiles, x64Files } from '../support/corpus.ts';
import { sharedDescribe } from '../support/shared.ts';
import { factsOf } from '../support/trace/facts.ts';
import { openSandbox, type Sandbox, type Trace, whyNoSandbox, wordMark } from '../support/trace/sandbox.ts';
import { type ExecutedSteps, execute, stepsOf } from '../support/trace/walk.ts';

const amd64 = parsePlatform('linux/amd64');
const arm64 = parsePlatform('linux/arm64');
const armv7 = parsePlatform('linux/arm/v7');
const required = process.env.MABUILD_REQUIRE_SHARED === '1';

/** People's port of an x64 file for one platform. */
interface Port extends PlainFile {
  readonly port: string;
  readonly platform: Platform;
}

sharedDescribe('RUNs, executed with stubs for every command', () => {
  let sandbox: Sandbox;

  before(async function () {
    const reason = await whyNoSandbox();
    if (reason !== undefined && required) throw new Error(`no sandbox: ${reason}`);
    if (reason !== undefined) {
      console.log(`      skipped: ${reason}`);
      this.skip();
    }
    sandbox = openSandbox();
  });
  after(() => sandbox?.close());

  it('what is migrated to one portable file does the same on amd64', async () => {
    const wrong: string[] = [];
    const count = { runs: 0, unreadable: 0, ended: 0, files: 0, rewritten: 0 };
    await eachOf(x64Files(), async ({ name, text }) => {
      const before = await executed(text, amd64);
      if (before === undefined) return;
      const rewritten = await migrated(text, 'portable', [arm64, armv7]);
      const after = await executed(rewritten, amd64);
      if (rewritten !== text) count.rewritten += 1;
      count.files += 1;
      count.unreadable += before.others;
      for (const { status } of before.traces) {
        count.runs += 1;
        if (status === undefined) count.unreadable += 1;
        if (status === 0) count.ended += 1;
      }
      if (after === undefined) wrong.push(`${name}: is no longer read`);
      else wrong.push(...differences(before, after).map((line) => `${name}: ${line}`));
    });
    const { runs, unreadable, ended, files, rewritten } = count;
    console.log(
      `      ${files} files, ${rewritten} of them rewritten, ${runs} RUNs, ${unreadable} not for dash, ${ended} end well`,
    );
    console.log(
      `      amd64: ${share(files - new Set(wrong.map((line) => line.split(':')[0])).size, files)}`,
    );
    expect(wrong.sort()).to.deep.equal([]);
  }).timeout(300_000);

  it('sees another word, package, path and machine', async () => {
    const base = 'FROM debian:12\nARG V=1\nRUN curl -fsSL https://a.example/b-amd64-$V.tgz | tar xz -C /opt';
    for (const text of [
      base.replace('amd64', 'arm64'),
      base.replace('V=1', 'V=2'),
      base.replace('/opt', '/srv'),
      `${base} && apt-get install -y x`,
      `${base} && echo deb [arch=amd64] https://a.example >/etc/apt/sources.list.d/a.list`,
      `${base}\nRUN [ "$(uname -m)" = x86_64 ] && touch /x`,
      `${base}\nRUN exit 3`,
      `${base}\nENV A=amd64`,
    ]) {
      const [one, other] = await Promise.all([executed(base, amd64), executed(text, amd64)]);
      expect(one && other && differences(one, other), text).to.have.length.greaterThan(0);
    }
    const asks = `${base}\nRUN [ "$(uname -m)" = x86_64 ] || curl -O https://a.example/$(dpkg --print-architecture)`;
    const onArm = await executed(asks, armv7);
    expect(onArm && factsOf(onArm)).to.include('https://a.example/armhf');
    expect(await facts(asks, amd64)).not.to.equal(await facts(asks, armv7));
  });

  it('tells the same twice', async () => {
    const again = openSandbox();
    const wrong: string[] = [];
    try {
      await eachOf(
        x64Files().filter((_, index) => index % 4 === 0),
        async ({ name, text }) => {
          const steps = stepsOf(text, amd64);
          if (steps === undefined) return;
          const first = await execute(steps, sandbox);
          wrong.push(...differences(first, await execute(steps, again)).map((line) => `${name}: ${line}`));
        },
      );
    } finally {
      await again.close();
    }
    expect(wrong).to.deep.equal([]);
  }).timeout(300_000);

  it('on ARM it is compared with what people wrote by hand', async () => {
    for (const platform of [arm64, armv7]) {
      const ports = allPorts().filter((port) => port.platform === platform);
      const same = { 'per-arch': 0, portable: 0 };
      const ofChanged = { ...same };
      let compared = 0;
      let changed = 0;
      await eachOf(ports, async ({ text, port }) => {
        const args = buildArgsFor(port, formatPlatform(platform));
        const wanted = await facts(port, platform, args);
        // Another shell's RUNs leave no trace here.
        if (wanted === undefined) return;
        compared += 1;
        const differs = (await facts(text, platform)) !== wanted;
        if (differs) changed += 1;
        for (const style of ['per-arch', 'portable'] as const) {
          const asked = style === 'portable' ? [arm64, armv7] : [platform];
          if ((await facts(await migrated(text, style, asked), platform)) !== wanted) continue;
          same[style] += 1;
          if (differs) ofChanged[style] += 1;
        }
      });
      for (const style of ['per-arch', 'portable'] as const) {
        console.log(
          `      ${formatPlatform(platform)} ${style}: traces equal people's for ${share(same[style], compared)}, ` +
            `where people changed something ${share(ofChanged[style], changed)}`,
        );
      }
    }
  }).timeout(300_000);

  async function executed(
    text: string,
    platform: Platform,
    buildArgs: Readonly<Record<string, string>> = {},
  ): Promise<ExecutedSteps | undefined> {
    const steps = stepsOf(text, platform, buildArgs);
    return steps && execute(steps, sandbox);
  }

  async function facts(
    text: string,
    platform: Platform,
    buildArgs: Readonly<Record<string, string>> = {},
  ): Promise<string | undefined> {
    const steps = await executed(text, platform, buildArgs);
    if (steps === undefined || steps.others > 0) return undefined;
    return factsOf(steps).join('\n');
  }
});

async function migrated(
  text: string,
  style: 'portable' | 'per-arch',
  platforms: readonly Platform[],
): Promise<string> {
  const { files } = await migrateDockerfile(text, { style, platforms });
  return files[0]?.text ?? '';
}

function allPorts(): readonly Port[] {
  const siblings = siblingFiles().flatMap(({ name, amd64: text, ...others }) => [
    ...(others.arm64 === undefined ? [] : [{ name, text, port: others.arm64, platform: arm64 }]),
    ...(others.armv7 === undefined ? [] : [{ name, text, port: others.armv7, platform: armv7 }]),
  ]);
  const commits = portedFiles().flatMap(({ name, before: text, after: port }) =>
    [arm64, armv7]
      .filter((platform) => platformsMadeFor(port).includes(formatPlatform(platform)))
      .map((platform) => ({ name, text, port, platform })),
  );
  return [...siblings, ...commits];
}

/** What the second build does otherwise than the first. */
function differences(before: ExecutedSteps, after: ExecutedSteps): readonly string[] {
  const lines: string[] = [];
  const length = Math.max(before.traces.length, after.traces.length);
  for (let index = 0; index < length; index += 1) {
    const [old, now] = [told(before.traces[index]), told(after.traces[index])];
    const at = old.findIndex((line, row) => line !== now[row]);
    const row = at < 0 && now.length > old.length ? old.length : at;
    if (row >= 0) lines.push(`RUN ${index + 1}: ${old[row] ?? 'nothing'} → ${now[row] ?? 'nothing'}`);
  }
  for (const kind of ['copies', 'configuration'] as const) {
    // An emulator for ARM does nothing on amd64: such a line is cleaned up, and nothing else may go.
    const missing = before[kind].filter((line) => !after[kind].includes(line) && !/\bqemu-[\w*]+/.test(line));
    const added = after[kind].filter((line) => !before[kind].includes(line));
    if (missing.length + added.length > 0) lines.push(`${kind}: ${missing.join('; ')} → ${added.join('; ')}`);
  }
  return lines;
}

function told(trace: Trace | undefined): readonly string[] {
  if (trace === undefined) return ['no such RUN'];
  return [...trace.calls.map((call) => call.replaceAll(wordMark, ' ')), `ends with ${trace.status}`];
}

/** A few at a time: each waits for programs that others start. */
async function eachOf<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const left = [...items];
  const workers = Array.from({ length: availableParallelism() }, async () => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item);
  });
  await Promise.all(workers);
}
