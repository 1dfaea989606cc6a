import { formatPlatform, type Platform } from '@mabuild/oci';
import { lineAbove } from '../dockerfile/line-above.ts';
import type { Dockerfile, Instruction, TextEdit } from '../dockerfile/model.ts';
import { isChecksum, platformKey, type Variation } from './variation.ts';

const note = /^\s*mabuild: put in the (\w+) of the (\S+) file\b/;

/**
 * Says above an instruction that its checksum is still amd64's: the build of the platform stops there until people put in
 * the right one.
 */
export function openChecksums(
  dockerfile: Dockerfile,
  variations: readonly Variation[],
  platform: Platform,
): readonly TextEdit[] {
  const said = new Map<string, TextEdit>();
  for (const variation of variations) {
    const { name, texts, site } = variation;
    if (!isChecksum(variation) || Object.hasOwn(texts, platformKey(platform))) continue;
    const line = `# mabuild: put in the ${name} of the ${formatPlatform(platform)} file, this one is amd64's`;
    said.set(`${site.instruction.range.start} ${name}`, lineAbove(dockerfile, site.instruction, line));
  }
  return [...said.values()];
}

/** What the comments above an instruction say is still to be filled in. */
export function readOpenChecksums(
  instruction: Instruction,
): readonly { readonly name: string; readonly platform: string }[] {
  return instruction.comments.flatMap((line) => {
    const [, name, platform] = note.exec(line) ?? [];
    return name !== undefined && platform !== undefined ? [{ name, platform }] : [];
  });
}
