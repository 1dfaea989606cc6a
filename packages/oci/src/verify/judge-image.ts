import { hasElfRules } from '../elf/machine.ts';
import { configPlatform } from '../manifest.ts';
import { formatPlatform, normalizePlatform, type Platform } from '../platform.ts';
import { entryPrograms } from './entry-programs.ts';
import { noteForeignFiles } from './foreign-files.ts';
import { type ImageFiles, imageFiles } from './image-files.ts';
import { judgeProgram } from './judge-program.ts';
import { addProblem, isOfBase, type JudgedImage, type Trial } from './trial.ts';
import type { Verdict } from './verdict.ts';

/**
 * Judges whether an image is what it says: entry platform = config platform = ELF headers of what can run.
 *
 * What can run is what ENTRYPOINT, CMD and HEALTHCHECK name and what is executable on PATH, with interpreters, loaders
 * and needed libraries. Other files made for another machine are notes.
 */
export function judgeImage(image: JudgedImage): Verdict {
  const stated = configPlatform(image.config);
  const platform = normalizePlatform(image.platform ?? stated);
  const trial: Trial = {
    image,
    platform,
    problems: new Map(),
    notes: [],
    judged: new Set(),
    needsBase: false,
  };
  judgeConfig(trial, stated);
  for (const { digest, facts, base } of image.layers) {
    if (facts?.unreadable !== undefined && base !== true) {
      addProblem(trial, { kind: 'unverified', layer: digest, found: facts.unreadable });
    } else if (facts === undefined && base !== true) {
      addProblem(trial, { kind: 'unverified', layer: digest, found: 'the layer was not read' });
    }
  }
  const files = imageFiles(image.layers.map(({ facts }) => facts));
  if (platform.os === 'linux' && hasElfRules(platform)) {
    judgeFiles(trial, files);
  } else {
    trial.notes.push({
      kind: 'not-judged',
      found: formatPlatform(platform),
      why: 'its programs cannot be judged',
    });
    if (
      platform.os === 'linux' &&
      image.layers.some(({ facts, base }) => base !== true && facts?.elf.length !== 0)
    ) {
      addProblem(trial, { kind: 'unverified', found: `no rules for ${formatPlatform(platform)}` });
    }
  }
  const problems = [...trial.problems.values()];
  return { ok: problems.length === 0, problems, notes: trial.notes, needsBase: trial.needsBase };
}

function judgeConfig(trial: Trial, stated: Platform): void {
  const { platform: entry } = trial.image;
  if (entry === undefined) {
    return;
  }
  const [a, b] = [normalizePlatform(entry), normalizePlatform(stated)];
  const [expected, found] = [formatPlatform(a), formatPlatform(b)];
  if (expected === found) {
    return;
  }
  const onlyVariantMissing =
    a.os === b.os && a.architecture === b.architecture && stated.variant === undefined;
  if (onlyVariantMissing) {
    trial.notes.push({
      kind: 'config-platform',
      found: formatPlatform(stated),
      why: `the config names no variant`,
    });
  } else {
    addProblem(trial, { kind: 'config-platform', found, expected, why: 'the config contradicts the index' });
  }
}

function judgeFiles(trial: Trial, files: ImageFiles): void {
  for (const program of entryPrograms(trial.image.config, files)) {
    if (program.file.kind === 'elf' && !isOfBase(trial, program.file)) {
      judgeProgram(trial, files, program.file, program);
    }
  }
  noteForeignFiles(trial, files);
}
