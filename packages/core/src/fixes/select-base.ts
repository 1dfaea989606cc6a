import type { Platform } from '@mabuild/oci';
import { renumberStages } from '../dockerfile/alias-stage.ts';
import { lineAbove } from '../dockerfile/line-above.ts';
import type { Dockerfile, Stage, TextEdit } from '../dockerfile/model.ts';
import { readMount } from '../dockerfile/mounts.ts';
import { choicesFor } from './platform-choice.ts';

/**
 * Edits that let a FROM choose between images that a vendor names for each platform: a stage for each above it, and
 * `FROM base-${TARGETARCH}${TARGETVARIANT}`; amd64 keeps the image that it had.
 *
 * @param names the images by platformKey
 * @returns no edits where the FROM cannot choose: an image that is not named, a platform or a variable of its own
 */
export function selectBase(
  dockerfile: Dockerfile,
  stage: Stage,
  names: Readonly<Record<string, string>>,
  platforms: readonly Platform[],
): readonly TextEdit[] {
  const { asked, args } = choicesFor([], platforms);
  const isPlain = stage.platform === undefined && !stage.base.raw.includes('$');
  if (!isPlain || asked.length === 0 || hasNumberedMount(dockerfile)) return [];
  if (asked.some(({ key }) => names[key] === undefined)) return [];
  const { start, end } = stage.from.keywordRange;
  const from = dockerfile.text.slice(start, end);
  const as = from === 'from' ? 'as' : 'AS';
  const prefix = freePrefix(dockerfile, stage);
  const lines = [
    `${from} ${stage.base.raw} ${as} ${prefix}-amd64`,
    ...asked.map(({ key, label }) => `${from} ${names[key]} ${as} ${prefix}-${label}`),
  ];
  const reference = `${prefix}-${args.map((name) => `\${${name}}`).join('')}`;
  return [
    lineAbove(dockerfile, stage.from, lines.join(dockerfile.newline)),
    ...stage.base.pieces.map((piece, index) => ({ ...piece, newText: index === 0 ? reference : '' })),
    ...renumberStages(dockerfile, (index) => (index >= stage.index ? index + lines.length : index)),
  ];
}

/** A name that no stage begins with. */
function freePrefix({ stages }: Dockerfile, stage: Stage): string {
  const stem = stage.name ?? (stage.index === 0 ? 'base' : `base${stage.index}`);
  let prefix = stem;
  for (let count = 2; stages.some(({ name }) => name?.startsWith(`${prefix}-`)); count += 1)
    prefix = `${stem}${count}`;
  return prefix;
}

/** Numbers in mounts are not moved. */
function hasNumberedMount({ instructions }: Dockerfile): boolean {
  return instructions.some(({ flags }) =>
    flags.some(
      (flag) =>
        flag.name === 'mount' &&
        readMount(flag).some(({ key, value }) => key === 'from' && /^\d+$/.test(value ?? '')),
    ),
  );
}
