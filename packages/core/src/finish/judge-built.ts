import {
  formatPlatform,
  judgeImage,
  MabuildError,
  type MutatedImage,
  type Platform,
  parseImageConfig,
  platformSatisfies,
  type VerifyNote,
  type VerifyProblem,
} from '@mabuild/oci';
import type { PlannedTask } from '../plan/plan-request.ts';
import type { FinishOptions } from './finish-options.ts';
import type { FinishedLayer } from './layer.ts';
import { standsOnNothing } from './stands-on-nothing.ts';

/** @throws MabuildError `WRONG_ARCHITECTURE` */
export function assertArchitecture(found: Platform, { task, build }: PlannedTask): void {
  const wanted = task.platform;
  if (found.os === wanted.os && found.architecture === wanted.architecture) {
    if (found.variant === undefined || platformSatisfies(found, wanted)) return;
  }
  // What an image on nothing is for, its files say: they are judged.
  if (standsOnNothing(build)) return;
  throw new MabuildError(
    `the build for ${formatPlatform(wanted)} gave an image for ${formatPlatform(found)}`,
    {
      code: 'WRONG_ARCHITECTURE',
      hint: task.finalBase
        ? `does the last FROM (line ${task.finalBase.line}) have a constant --platform?`
        : 'does the last FROM have a constant --platform?',
    },
  );
}

/**
 * Judges what an image can run, its base left out.
 *
 * @throws MabuildError `VERIFICATION_FAILED`
 */
export function judge(
  image: MutatedImage,
  layers: readonly (FinishedLayer | undefined)[],
  planned: PlannedTask,
  options: FinishOptions,
): readonly VerifyNote[] {
  const config = parseImageConfig(image.config);
  const kept = layers.filter((layer) => !layer || layer.descriptor);
  const verdict = judgeImage({
    platform: image.descriptor.platform,
    config,
    layers: kept.map((layer, index) => ({
      digest: layer?.descriptor?.digest ?? planned.finalBase?.manifest.layers[index]?.digest ?? '',
      ...(layer ? { facts: layer.facts } : { base: true }),
    })),
  });
  if (!verdict.ok && options.verify) throw verificationFailed(planned.task.platform, verdict.problems);
  return verdict.notes;
}

/** Why an image is not published: the first lie by file and layer, and how many more there are. */
function verificationFailed(platform: Platform, problems: readonly VerifyProblem[]): MabuildError {
  const [first] = problems;
  const where = [first?.path, first?.layer && `in layer ${first.layer}`].filter(Boolean).join(' ');
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
  return new MabuildError(
    `the image for ${formatPlatform(platform)} is not what it says: ${where} is ${first?.found}${first?.expected ? `, not ${first.expected}` : ''}${more}`,
    {
      code: 'VERIFICATION_FAILED',
      hint: 'build that file for the platform, or publish it all the same with --no-verify',
    },
  );
}
