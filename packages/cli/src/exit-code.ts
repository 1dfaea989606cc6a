import { isMabuildError } from '@mabuild/oci';
import { Interrupted } from './io.ts';

/** 0 done · 1 the answer is no · 2 asked wrongly · 3 the world refused · 130 interrupted. */
export type ExitCode = number;

/** Codes that mean "the answer is no". */
const answerIsNo: ReadonlySet<string> = new Set([
  'BASE_ONBUILD_RUNS',
  'BASE_PLATFORM_MISSING',
  'BUILD_FAILED',
  'EMULATION_MISSING',
  'IMAGE_NOT_FOUND',
  'PLATFORM_MISSING',
  'VERIFICATION_FAILED',
  'WRONG_ARCHITECTURE',
]);

/** Codes that mean "the world refused". */
const worldRefused: ReadonlySet<string> = new Set([
  'ENGINE_REFUSED',
  'ENGINE_UNREACHABLE',
  'NO_ENGINE',
  'REGISTRY_DENIED',
  'REGISTRY_ERROR',
  'REGISTRY_RATE_LIMITED',
  'REGISTRY_UNAUTHORIZED',
  'REGISTRY_UNREACHABLE',
]);

/** The exit code for what a command threw: a code that is in neither table was asked wrongly. */
export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof Interrupted) return 130;
  if (!isMabuildError(error)) return 1;
  if (answerIsNo.has(error.code)) return 1;
  if (worldRefused.has(error.code)) return 3;
  return 2;
}
