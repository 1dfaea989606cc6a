import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isMabuildError, parsePlatform } from '@mabuild/oci';
import { expect } from 'chai';
import { probeProgram } from '../../../packages/core/src/emulation/elf-program.ts';
import { findQemu } from '../../../packages/core/src/emulation/qemu.ts';

const host = parsePlatform('linux/amd64');
const arm = parsePlatform('linux/arm/v7');

describe('qemu for injection', () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mabuild-qemu-'));
    const fake = probeProgram(host) ?? new Uint8Array();
    await writeFile(join(directory, 'qemu-arm-static'), fake);
    await writeFile(join(directory, 'qemu-aarch64'), fake);
    await writeFile(join(directory, 'qemu-s390x-static'), probeProgram(arm) ?? '');
    await writeFile(join(directory, 'qemu-riscv64-static'), '#!/bin/sh\n');
    const dynamic = Buffer.from(fake);
    dynamic.writeUInt32LE(3, 64);
    await writeFile(join(directory, 'qemu-ppc64le-static'), dynamic);
    await writeFile(join(directory, 'qemu-loongarch64-static'), '');
  });
  after(() => rm(directory, { recursive: true, force: true }));

  const found: readonly [string, () => readonly string[], string][] = [
    ['linux/arm/v7', () => [directory], 'qemu-arm-static'],
    ['linux/arm/v6', () => ['/absent', directory], 'qemu-arm-static'],
    ['linux/arm64', () => [directory], 'qemu-aarch64'],
    ['linux/arm64', () => [join(directory, 'qemu-arm-static')], 'qemu-arm-static'],
  ];
  for (const [platform, directories, name] of found)
    it(`${platform} → ${name}`, async () => {
      expect(
        await findQemu({ platform: parsePlatform(platform), host, directories: directories() }),
      ).to.equal(join(directory, name));
    });

  const bad: readonly [string, string, string][] = [
    ['for another host', 'linux/s390x', 'is not for linux/amd64'],
    ['a script', 'linux/riscv64', 'is no ELF program'],
    ['dynamically linked', 'linux/ppc64le', 'is not static'],
    ['an empty file', 'linux/loong64', 'is no ELF program'],
    ['absent', 'linux/386', 'no static qemu for linux/386'],
  ];
  for (const [name, platform, message] of bad)
    it(`refuses one that is ${name}`, async () => {
      const error = await findQemu({
        platform: parsePlatform(platform),
        host,
        directories: [directory, '/absent'],
      }).catch((thrown: unknown) => thrown);
      expect(isMabuildError(error) && error.code).to.equal('QEMU_NOT_FOUND');
      expect((error as Error).message).to.contain(message);
      expect((error as { hint?: string }).hint).to.contain('--qemu');
    });
});
