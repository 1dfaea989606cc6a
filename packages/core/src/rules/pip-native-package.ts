import type { Platform } from '@mabuild/oci';
import { readCode } from '../analysis/code-words.ts';
import { hasCompiler } from '../analysis/compilers.ts';
import { distributionOf } from '../analysis/distribution.ts';
import {
  type Installation,
  type InstallOperand,
  installationsOf,
  installOperands,
} from '../analysis/install-operands.ts';
import { siteAt } from '../analysis/mapped-text.ts';
import type { Dockerfile } from '../dockerfile/model.ts';
import { platformKey } from '../fixes/variation.ts';
import { findPythonPackage, isBefore, type PythonPackage } from '../knowledge/python-packages.ts';
import { armPlatforms, spanRange } from './code-finding.ts';
import { mentions, wordsOf } from './mentions.ts';
import type { Finding, Rule, RuleContext } from './rule.ts';

const name = 'pip-native-package';
const piwheels = 'https://www.piwheels.org/simple';

/** What is known of a requirement that pip finds on PyPI itself. */
export function pythonPackage(operand: InstallOperand): PythonPackage | undefined {
  const { manager, word, installation } = operand;
  if (manager !== 'pip' || word.guarded || word.buildPlatform) return undefined;
  const own = installation.options.some(
    ([option, value]) =>
      /^(?:-f|--find-links|--index|--index-url|-i|--extra-index-url)$/.test(option) &&
      !/pypi|mirror|download\.pytorch\.org|\/simple\/?$/.test(value ?? ''),
  );
  return own ? undefined : findPythonPackage(operand.name);
}

export const pipNativePackage: Rule = {
  name,
  summary: 'pip has to compile a Python package on ARM, because there is no wheel for it.',
  page: {
    why: 'On x64 pip downloads packages with native code ready made. PyPI has such wheels for arm64 from about 2020 on, and next to none for 32-bit ARM: there pip compiles, which needs a compiler and headers in the stage and takes minutes to hours under emulation. www.piwheels.org has wheels for 32-bit ARM with glibc.',
    bad: 'FROM python:3.8-slim\nRUN pip install numpy==1.16.4',
    good: 'FROM python:3.8-slim\nRUN pip install --extra-index-url https://www.piwheels.org/simple numpy==1.16.4',
    perArch: {
      platform: 'linux/arm/v7',
      text: 'FROM --platform=linux/arm/v7 arm32v7/python:3.8-slim\nRUN pip install --extra-index-url https://www.piwheels.org/simple numpy==1.16.4',
    },
    silent: [
      'The command or the file names www.piwheels.org.',
      'The package is compiled on x64 too.',
      'For arm64: nothing asks for a version from before there were wheels.',
    ],
  },
  async check(dockerfile, context) {
    const platforms = armPlatforms(context);
    if (platforms.length === 0 || !mentions(dockerfile, context, wordsOf.pip)) return [];
    if (dockerfile.text.includes('piwheels')) return [];
    const reading = readCode(dockerfile, context);
    const lines = new Map<string, { readonly without: readonly Platform[]; operands: InstallOperand[] }>();
    for (const operand of installOperands(reading, wordsOf.pip)) {
      const item = pythonPackage(operand);
      if (!item?.source) continue;
      const without = platforms.filter((platform) =>
        platform.architecture === 'arm64'
          ? item.arm64From === undefined || isBefore(operand.version?.text, item.arm64From)
          : !item.arm32,
      );
      if (without.length === 0) continue;
      const { start } = spanRange(operand.word, operand);
      const line = dockerfile.text.lastIndexOf('\n', start - 1);
      const key = `${line} ${without.map(platformKey)}`;
      const known = lines.get(key);
      if (known) known.operands.push(operand);
      else lines.set(key, { without, operands: [operand] });
    }
    const named = [...lines.values()].map(({ without, operands }) => {
      const [first] = operands as [InstallOperand, ...InstallOperand[]];
      const { stage } = first.word;
      const compiles = hasCompiler(dockerfile, reading, stage, context);
      const musl = distributionOf(dockerfile, stage, context)?.family === 'alpine';
      const names = [...new Set(operands.map(({ text }) => text))].join(', ');
      const where = without.map(platformKey).join(' and ');
      const arm32 = without.some(({ architecture }) => architecture === 'arm');
      return withIndex(first.installation, musl || !arm32, {
        rule: name,
        severity: compiles ? 'info' : 'warning',
        platforms: without,
        message: compiles
          ? `pip compiles ${names} for ${where}: slow under emulation`
          : `there are no wheels of ${names} for ${where}, and no compiler in the stage`,
        hint: musl
          ? "install a compiler and headers, or take the distribution's packages"
          : `take ${arm32 ? `wheels for 32-bit ARM from ${piwheels}` : 'newer versions'}, or the distribution's packages`,
        range: spanRange(first.word, first),
        fix: 'none',
        edits: [],
      });
    });
    return [...named, ...listFindings(dockerfile, context)];
  },
};

/** `pip install -r requirements.txt`: what the file asks for, only the context tells. */
function listFindings(dockerfile: Dockerfile, context: RuleContext): readonly Finding[] {
  const platforms = armPlatforms(context).filter(({ architecture }) => architecture === 'arm');
  if (platforms.length === 0) return [];
  return installationsOf(readCode(dockerfile, context), wordsOf.pip).flatMap(
    (installation): readonly Finding[] => {
      const { manager, words, options } = installation;
      const at = words.findIndex(({ mapped }) => mapped.text === '-r' || mapped.text === '--requirement');
      const word = words[at + 1];
      if (manager !== 'pip' || at < 0 || !word || word.guarded || word.buildPlatform) return [];
      if (options.some(([option]) => /^(?:-i|--index-url|--extra-index-url|-f|--find-links)$/.test(option)))
        return [];
      const musl = distributionOf(dockerfile, word.stage, context)?.family === 'alpine';
      const finding: Finding = {
        rule: name,
        severity: 'info',
        platforms,
        message: `PyPI has few wheels for 32-bit ARM: pip compiles what ${word.mapped.text} asks for with native code`,
        hint: musl
          ? "take the distribution's packages where there are some"
          : `take wheels for 32-bit ARM from ${piwheels}`,
        range: spanRange(word, { start: 0, end: word.mapped.text.length }),
        fix: 'none',
        edits: [],
      };
      return [withIndex(installation, musl, finding)];
    },
  );
}

/** Shows how the index with wheels for 32-bit ARM and glibc is named. */
function withIndex({ words }: Installation, isUseless: boolean, finding: Finding): Finding {
  const verb = words.find(({ mapped }) => mapped.text === 'install' || mapped.text === 'wheel');
  const site = verb && siteAt(verb.mapped, 0, verb.mapped.text.length);
  const [piece] = site?.pieces ?? [];
  if (!piece || isUseless || site?.quoting !== 'none') return finding;
  const newText = ` --extra-index-url ${piwheels}`;
  return { ...finding, fix: 'suggest', edits: [{ start: piece.end, end: piece.end, newText }] };
}
