import { isLeftOut } from '../analysis/code-words.ts';
import { applyEdits } from '../dockerfile/edit.ts';
import { declarations, isReadAbove } from '../dockerfile/global-arg.ts';
import type { Dockerfile, Instruction, Stage, Word } from '../dockerfile/model.ts';
import { argDefinitions } from '../dockerfile/scope.ts';
import { replaceSite } from './per-arch.ts';
import type { Variation } from './variation.ts';

/**
 * What varies in an ARG above the first FROM, as defaults of the stages that declare it: `ARG A` becomes `ARG A=other`.
 *
 * `undefined` where the ARG is read above the stages too, or by one that is built for another platform.
 */
export function stageDefaults(
  dockerfile: Dockerfile,
  instruction: Instruction,
  variations: readonly Variation[],
): readonly Variation[] | undefined {
  const made: Variation[] = [];
  for (const { name, value } of argDefinitions(instruction)) {
    if (!value) continue;
    const own = variations.filter(({ site: { pieces } }) =>
      pieces.every(({ start, end }) => value.range.start <= start && end <= value.range.end),
    );
    const [first] = own;
    if (!first) continue;
    // What it is made of may be another thing in a stage.
    if (/[$\\`]/.test(value.raw) || isReadAbove(dockerfile, name)) return undefined;
    const places = declarations(dockerfile, name);
    if (places.length === 0 || places.some(({ stage }) => isForAnother(stage))) return undefined;
    const keys = Object.keys(first.texts).filter((key) =>
      own.every(({ texts }) => Object.hasOwn(texts, key)),
    );
    const texts = Object.fromEntries(
      keys.map((key) => [key, `${name}=${replaced(dockerfile, value, own, key)}`]),
    );
    for (const place of places)
      made.push({ site: { ...place, quoting: 'none', shell: false }, text: name, texts, name: first.name });
  }
  return made.length > 0 ? made : undefined;
}

/** The text of the default on a platform. */
function replaced(
  { text }: Dockerfile,
  { range }: Word,
  variations: readonly Variation[],
  key: string,
): string {
  const edits = variations.flatMap(({ site, texts }) => replaceSite(site, texts[key] ?? ''));
  const own = edits.map(({ start, end, newText }) => ({
    start: start - range.start,
    end: end - range.start,
    newText,
  }));
  // Quotes that nothing needs.
  return applyEdits(text.slice(range.start, range.end), own).replace(/^(["'])([\w@%+=:,./~-]*)\1$/, '$2');
}

function isForAnother(stage: Stage): boolean {
  return isLeftOut(stage) || /\bBUILD(?:PLATFORM|OS|ARCH)\b/.test(stage.platform?.value ?? '');
}
