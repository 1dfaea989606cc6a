import type { ElfFacts } from '../elf/elf-facts.ts';
import { architectureOf, armVersionOf } from '../elf/machine.ts';
import type { ContainerConfig } from '../manifest.ts';
import type { Platform } from '../platform.ts';
import { entryPrograms, isEmulator } from '../verify/entry-programs.ts';
import { imageFiles } from '../verify/image-files.ts';
import type { ElfFile, LayerFacts } from '../verify/layer-facts.ts';

/** A platform that programs of a root filesystem are made for. */
export interface ProgramsPlatform {
  /** Without a variant for 32-bit ARM where the programs do not tell. */
  readonly platform: Platform;
  /** One of them. */
  readonly path: string;
  readonly count: number;
}

/** FreeBSD marks its programs; Linux does not. */
const osAbiFreeBsd = 9;

/**
 * Tells from the programs that can be started which platforms a root filesystem is for, the most frequent first.
 *
 * 32-bit ARM is told apart by float ABI and `Tag_CPU_arch`: soft float is v5 (armel), hard float v6 (Raspberry Pi OS, Alpine's
 * armhf) or v7 (armhf).
 */
export function platformsOfPrograms(
  facts: LayerFacts,
  config: ContainerConfig = {},
): readonly ProgramsPlatform[] {
  const groups = new Map<string, ElfFile[]>();
  for (const file of programsOf(facts, config)) {
    const architecture = architectureOf(file);
    if (architecture === undefined) continue;
    const key = `${file.osAbi === osAbiFreeBsd ? 'freebsd' : 'linux'}/${architecture}`;
    groups.set(key, [...(groups.get(key) ?? []), file]);
  }
  return [...groups]
    .map(([key, files]) => {
      const [os = '', architecture = ''] = key.split('/');
      const variant = architecture === 'arm' ? armVariantOf(files) : undefined;
      return {
        platform: { os, architecture, ...(variant === undefined ? {} : { variant }) },
        path: files[0]?.path ?? '',
        count: files.length,
      };
    })
    .sort((a, b) => b.count - a.count);
}

function programsOf(facts: LayerFacts, config: ContainerConfig): readonly ElfFile[] {
  const image = { os: '', architecture: '', config, rootfs: { type: 'layers', diff_ids: [] } } as const;
  const started = new Map<string, ElfFile>();
  for (const { file } of entryPrograms(image, imageFiles([facts]))) {
    if (file.kind === 'elf' && canStart(file.file)) started.set(file.path, file.file);
  }
  if (started.size > 0) return [...started.values()];
  return facts.elf.filter((file) => (file.mode & 0o111) !== 0 && canStart(file));
}

function canStart(file: ElfFile): boolean {
  return (file.type === 'executable' || file.type === 'dynamic') && !isEmulator(file.path);
}

/** Programs of Go say nothing of themselves, those of C do. */
function armVariantOf(files: readonly ElfFacts[]): string | undefined {
  const abis = new Set(files.flatMap(({ floatAbi }) => (floatAbi === undefined ? [] : [floatAbi])));
  const version = Math.max(0, ...files.map(({ cpuArch }) => armVersionOf(cpuArch ?? 0)));
  if (abis.size !== 1) return undefined;
  if (abis.has('soft')) return version <= 5 ? 'v5' : undefined;
  return version === 0 ? undefined : `v${Math.max(6, version)}`;
}
