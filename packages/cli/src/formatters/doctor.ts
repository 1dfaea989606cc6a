import { formatPlatform } from '@mabuild/oci';
import type { DoctorReport, PlatformSupport } from '../sdk/doctor.ts';
import { table } from './table.ts';

/** The report as people read it. */
export function formatDoctor(report: DoctorReport): string {
  const lines: string[] = [];
  const { engine } = report;
  if (engine) {
    lines.push(
      `Engine:      ${engine.kind} ${engine.version}, API ${engine.apiVersion}, at ${engine.endpoint} (${engine.foundBy})`,
      `Host:        ${formatPlatform(engine.platform)}${engine.local ? ', this machine' : ''}`,
      `Builders:    ${engine.builders.map((builder, at) => (at === 0 ? `${builder} (unless --engine says otherwise)` : builder)).join(', ')}`,
      `Image store: ${engine.imageStore}${engine.imageStore === 'containerd' ? ': --load keeps every platform' : ": --load keeps the host's platform"}`,
      `RUN network: ${engine.hasBridge ? "the engine's own" : "the host's, since the engine has no bridge"}`,
      `Mirrors:     ${[...engine.mirrors.map((url) => `docker.io through ${url}`), ...report.mirrors].join(', ') || 'none'}`,
      '',
      ...platformTable(report),
      '',
    );
  } else {
    lines.push(
      `Engine:      ${report.builds ? 'embedded' : 'none'}: ${report.engineProblem}`,
      ...(report.sandboxes ?? []).map(
        ({ kind, fileSystem, refused }) =>
          `Sandbox:     ${kind}, ${fileSystem}: ${refused === undefined ? 'used for RUN' : `not used: ${refused}`}`,
      ),
      `Mirrors:     ${report.mirrors.join(', ') || 'none'}`,
    );
    if (report.platforms.length > 0) lines.push('', ...platformTable(report), '');
  }
  lines.push(
    `Credentials: ${report.credentials.join(', ') || 'none'}`,
    `Cache:       ${report.cacheDirectory}`,
    ...report.leftovers.map((path) => `Left behind: ${path}, which the next build deletes`),
    ...report.advice.map((sentence) => `Next:        ${sentence}`),
  );
  return `${lines.join('\n')}\n`;
}

function platformTable({ platforms }: DoctorReport): readonly string[] {
  return table(
    ['PLATFORM', 'RUN', 'HOW'],
    platforms.map((support) => [support.platform, support.emulation === 'none' ? 'no' : 'yes', how(support)]),
  );
}

function how(support: PlatformSupport): string {
  switch (support.emulation) {
    case 'native':
      return "the host's own processor";
    case 'binfmt':
      return `the kernel opened ${support.interpreter ?? 'an interpreter'} at registration (flag F): nothing is injected`;
    case 'started-through':
      return `proot starts every program through ${support.interpreter ?? 'an emulator'}`;
    case 'binfmt-without-f':
      return `${support.qemu ?? 'a static qemu (none found)'} is injected at ${support.interpreter}`;
    default:
      return support.why ?? 'the host has no emulator registered';
  }
}
