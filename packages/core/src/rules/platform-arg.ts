import { normalizePlatform, type Platform } from '@mabuild/oci';
import type { Instruction, Stage } from '../dockerfile/model.ts';
import { platformArgs } from '../dockerfile/platform-args.ts';

/** The ARGs that BuildKit gives a value by itself. */
export const automaticArgs: ReadonlySet<string> = new Set(
  ['TARGET', 'BUILD'].flatMap((side) => ['PLATFORM', 'OS', 'ARCH', 'VARIANT'].map((part) => side + part)),
);

/** A reference to one of them in a text that BuildKit or a shell expands. */
export const automaticReference: RegExp =
  /(?<!\\)\$(?:(?<bare>(?:TARGET|BUILD)(?:PLATFORM|OS|ARCH|VARIANT))\b|\{(?<braced>(?:TARGET|BUILD)(?:PLATFORM|OS|ARCH|VARIANT))(?<operator>:?[-+?=]|[#%/}:]))/g;

/** A quick look whether a file speaks of them at all. */
export function namesAutomaticArgs(text: string): boolean {
  return text.includes('TARGET') || text.includes('BUILD');
}

/** What BuildKit says on an x64 host. */
export function automaticValues(platform: Platform): Readonly<Record<string, string>> {
  return platformArgs(normalizePlatform(platform), { os: 'linux', architecture: 'amd64' });
}

/** The instructions of a stage, those that ONBUILD carries in place of the ONBUILD. */
export function carried(stage: Stage): readonly { readonly own: Instruction; readonly onbuild: boolean }[] {
  return stage.instructions.map((instruction) =>
    instruction.onbuild ? { own: instruction.onbuild, onbuild: true } : { own: instruction, onbuild: false },
  );
}
