import type { Platform } from '@mabuild/oci';
import type { InstallOperand } from '../analysis/install-operands.ts';
import { platformKey } from '../fixes/variation.ts';
import type { X86Package } from '../knowledge/distro-packages.ts';
import type { WordHit } from './word-hits.ts';

/** A package that is known to be for x86, on the asked platforms that lack it; what drives x86 hardware goes. */
export function knownPackageHit(
  operand: InstallOperand,
  item: X86Package,
  asked: readonly Platform[],
): WordHit | undefined {
  const platforms = asked.filter((platform) => !item.platforms.includes(platformKey(platform)));
  if (platforms.length === 0) return undefined;
  const { word, start, end, installation } = operand;
  // yum and its kin refuse a command that names no package.
  const isLast = operand.manager === 'rpm' && installation.operands.length === 1;
  // In the exec form an empty string would stay.
  const isDropped = item.kind === 'hardware' && !isLast && !word.instruction.json;
  return {
    word,
    start,
    end,
    platforms,
    name: 'package',
    message: `${operand.name} ${lack(item)}`,
    texts: isDropped ? Object.fromEntries(platforms.map((platform) => [platformKey(platform), ''])) : {},
    hint: item.kind === 'hardware' ? `${item.note}: ARM does without` : item.note,
  };
}

function lack({ platforms }: X86Package): string {
  if (platforms.includes('linux/arm/v7')) return 'is not there for ARMv6';
  return platforms.length > 0 ? 'is for x86 and 64-bit ARM alone' : 'is for x86 alone';
}
