import { migrateDockerfile } from '@mabuild/core';
import { formatPlatform, parsePlatform } from '@mabuild/oci';
import { expect } from 'chai';
import { packageRules } from '../../../packages/core/src/rules/package-rules.ts';
import { openSandbox, type Sandbox, whyNoSandbox, wordMark } from '../../support/trace/sandbox.ts';
import { execute, stepsOf } from '../../support/trace/walk.ts';

const amd64 = parsePlatform('linux/amd64');
const arms = ['linux/arm64', 'linux/arm/v7'].map((name) => parsePlatform(name));

/** A Dockerfile, and what its RUNs do on arm64 and arm/v7 once it is migrated: commands, and files that are written. */
const rows: readonly (readonly [text: string, arm64: string, v7: string])[] = [
  [
    'FROM debian:12\nRUN apt-get install -y git i965-va-driver curl',
    'apt-get install -y git curl',
    'apt-get install -y git curl',
  ],
  [
    'FROM debian:12\nRUN apt-get install -y \\\n    git \\\n    "intel-microcode" \\\n    libc6:amd64=2',
    'apt-get install -y git libc6=2',
    'apt-get install -y git libc6=2',
  ],
  [
    'FROM debian:12\nENV P="git msr-tools"\nRUN apt-get install $P curl',
    'apt-get install git curl',
    'apt-get install git curl',
  ],
  ['FROM debian:12\nRUN p="git cpuid"; apt-get install $p', 'apt-get install git', 'apt-get install git'],
  [
    'FROM debian:12\nRUN apt-get install -y google-chrome-stable',
    'apt-get install -y chromium',
    'apt-get install -y chromium',
  ],
  [
    'FROM alpine:3.20\nRUN apk add --no-cache libva-intel-driver ffmpeg',
    'apk add --no-cache ffmpeg',
    'apk add --no-cache ffmpeg',
  ],
  ['FROM rockylinux:9\nRUN yum install -y a.x86_64 b', 'yum install -y a b', 'yum install -y a b'],
  [
    'FROM debian:13\nRUN add-apt-repository "deb [arch=amd64] https://example.org x main"',
    'add-apt-repository deb [arch=arm64] https://example.org x main',
    'add-apt-repository deb [arch=armhf] https://example.org x main',
  ],
  [
    "FROM debian:13\nRUN add-apt-repository 'deb [arch=amd64] https://example.org x main'",
    'add-apt-repository deb [arch=arm64] https://example.org x main',
    'add-apt-repository deb [arch=armhf] https://example.org x main',
  ],
  [
    'FROM ubuntu:22.04\nRUN add-apt-repository "deb http://archive.ubuntu.com/ubuntu/ jammy main"',
    'add-apt-repository deb http://ports.ubuntu.com/ubuntu-ports/ jammy main',
    'add-apt-repository deb http://ports.ubuntu.com/ubuntu-ports/ jammy main',
  ],
];

describe('what package managers are asked for', () => {
  let sandbox: Sandbox;

  before(async function () {
    const reason = await whyNoSandbox();
    if (reason !== undefined) {
      console.log(`      skipped: ${reason}`);
      this.skip();
    }
    sandbox = openSandbox();
  });
  after(() => sandbox?.close());

  for (const [text, arm64, v7] of rows) {
    it(JSON.stringify(text), async () => {
      const expected = [arm64, v7];
      for (const style of ['portable', 'per-arch'] as const) {
        const { files } = await migrateDockerfile(text, { style, platforms: arms, rules: packageRules });
        for (const [index, platform] of arms.entries()) {
          const migrated = files.find((file) => file.platform === undefined || file.platform === platform);
          const calls = await commands(migrated?.text ?? '', platform);
          expect(calls, `${style} ${formatPlatform(platform)}`).to.equal(expected[index]);
        }
        if (style === 'portable') {
          expect(await commands(files[0]?.text ?? '', amd64)).to.equal(await commands(text, amd64));
        }
      }
    }).timeout(30_000);
  }

  async function commands(text: string, platform: typeof amd64): Promise<string> {
    const steps = stepsOf(text, platform);
    if (!steps) throw new Error('cannot be read');
    const { traces } = await execute(steps, sandbox);
    return traces
      .flatMap(({ calls }) => calls)
      .filter((call) => !call.startsWith(`dpkg${wordMark}`))
      .map((call) => call.replaceAll(wordMark, ' '))
      .join('; ');
  }
});
