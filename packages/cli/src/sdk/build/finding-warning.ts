import { type Finding, isMadeUnasked, locate, recommendedRules } from '@mabuild/core';

/** A finding of a build's plan in one line: what, where, and what to do about it. */
export function findingWarning(
  finding: Finding,
  dockerfile: { readonly text: string; readonly name: string },
): string {
  const { line } = locate({ text: dockerfile.text, file: dockerfile.name }, finding.range);
  const place = `${dockerfile.name}:${line}`;
  // What only the plan knows is not to be had again from `check`.
  const isChecked = recommendedRules.some(({ name }) => name === finding.rule);
  if (!isChecked) return `${finding.message} (${place})`;
  const mends = isMadeUnasked(finding.fix) ? ', --fix mends it' : '';
  return `${finding.message} (${place}; \`mabuild check\` shows it${mends})`;
}
