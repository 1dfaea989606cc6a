import { readPackageSpec } from '../analysis/package-spec.ts';
import { findPythonPackage, isBefore } from '../knowledge/python-packages.ts';
import type { Finding } from '../rules/rule.ts';
import { armWord, type LockRequest } from './lock-finding.ts';
import { wheelFinding } from './wheel-finding.ts';

/** Finds requirements of a requirements.txt that PyPI has no wheel for ARM of. */
export function readRequirements({ text, platforms }: LockRequest): readonly Finding[] {
  if (/piwheels/.test(text)) return [];
  return [
    ...text.matchAll(/^[ \t]*([A-Za-z0-9][^\s#;]*(?:[ \t]*[=<>~!]=?[^\s#;]*)?)[ \t]*(;[^#\n]*)?/gm),
  ].flatMap((match): readonly Finding[] => {
    const [whole, written = '', marker = ''] = match;
    const spec = readPackageSpec('pip', written.replace(/[ \t]+/g, ''));
    const item = spec && findPythonPackage(spec.name);
    if (
      !spec ||
      !item ||
      /platform_machine\s*==\s*['"](?:x86_64|AMD64)|sys_platform\s*==\s*['"](?:win32|darwin)/.test(marker)
    )
      return [];
    const without = platforms.filter((platform) =>
      armWord(platform) === 'arm64'
        ? item.arm64From === undefined || isBefore(spec.version?.text, item.arm64From)
        : !item.arm32,
    );
    if (without.length === 0) return [];
    const start = match.index + whole.indexOf(written);
    const range = { start, end: start + written.trimEnd().length };
    const hint =
      item.instead ?? 'ask for a version that has a wheel, or install a compiler and headers in the stage';
    return [wheelFinding({ called: spec.text, source: item.source, platforms: without, range, hint })];
  });
}
