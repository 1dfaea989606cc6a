import { checkDockerfile } from '../check.ts';
import type { Range } from '../dockerfile/model.ts';
import { archSuffixInTag } from '../rules/arch-suffix-in-tag.ts';
import { armNamespaceWrongTarget } from '../rules/arm-namespace-wrong-target.ts';
import { baseImageLacksPlatform } from '../rules/base-image-lacks-platform.ts';
import { deprecatedArmNamespace } from '../rules/deprecated-arm-namespace.ts';
import type { Finding, Rule, RuleContext } from '../rules/rule.ts';
import { x86Namespace } from '../rules/x86-namespace.ts';

const imageRules: readonly Rule[] = [
  baseImageLacksPlatform,
  x86Namespace,
  armNamespaceWrongTarget,
  deprecatedArmNamespace,
  archSuffixInTag,
];

/** What is said of an image that no FROM names: the same as of `FROM image`. */
export async function imageFindings(
  image: string,
  place: {
    readonly range: Range;
    /** Where the name stands letter by letter; without it the fix is only told. */
    readonly letters: Range | undefined;
    /** For an image that has nothing for a platform. */
    readonly lacksPlatform: string;
  },
  context: Pick<RuleContext, 'platforms' | 'images'>,
): Promise<readonly Finding[]> {
  const keyword = 'FROM ';
  if (!/^[^\s$#<'"\\]+$/.test(image) || image === 'scratch') return [];
  const findings = await checkDockerfile(`${keyword}${image}\n`, { ...context, rules: imageRules });
  return findings.map(({ variations: _, ...finding }): Finding => {
    const rule = finding.rule === baseImageLacksPlatform.name ? place.lacksPlatform : finding.rule;
    const shift = (place.letters?.start ?? 0) - keyword.length;
    const end = keyword.length + image.length;
    const fits = finding.edits.every((edit) => edit.start >= keyword.length && edit.end <= end);
    const edits =
      place.letters && fits
        ? finding.edits.map((edit) => ({ ...edit, start: edit.start + shift, end: edit.end + shift }))
        : [];
    return {
      ...finding,
      rule,
      range: place.range,
      edits,
      fix: edits.length > 0 ? finding.fix : 'none',
    };
  });
}
