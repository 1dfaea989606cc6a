import type { DownloadFacts, ImageFacts } from '@mabuild/core';
import { isMabuildError, MabuildError, type MabuildErrorOptions } from '@mabuild/oci';
import type { CheckJob } from './check-file.ts';
import type { FileFindings } from './file-findings.ts';

/** What a worker asks: only the main thread talks to registries and publishers, and once for each name. */
export type Question = 'platformsOf' | 'exists' | 'read';

/** What was found in the file of a job. */
export interface CheckedFile {
  readonly index: number;
  readonly result: FileFindings;
}

export type FromWorker =
  | { readonly kind: 'checked'; readonly results: readonly CheckedFile[] }
  | { readonly kind: 'failed'; readonly index: number; readonly failure: Failure }
  | { readonly kind: 'asked'; readonly id: number; readonly question: Question; readonly about: string };

export type ToWorker =
  | { readonly kind: 'check'; readonly jobs: readonly { readonly index: number; readonly job: CheckJob }[] }
  | { readonly kind: 'answered'; readonly id: number; readonly answer: unknown }
  | { readonly kind: 'refused'; readonly id: number; readonly failure: Failure };

/** An error as it travels between threads. */
export interface Failure {
  readonly message: string;
  readonly stack: string | undefined;
  readonly options?: Omit<MabuildErrorOptions, 'cause'>;
}

export function toFailure(error: unknown): Failure {
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  if (!isMabuildError(error)) return { message, stack };
  const { code, hint, location } = error;
  return { message, stack, options: { code, hint, location } };
}

export function toError({ message, stack, options }: Failure): Error {
  const error = options ? new MabuildError(message, options) : new Error(message);
  if (stack !== undefined) error.stack = stack;
  return error;
}

/** Answers a worker's question. */
export async function answer(
  question: Question,
  about: string,
  facts: { readonly images: ImageFacts; readonly downloads: DownloadFacts | undefined },
): Promise<unknown> {
  if (question === 'platformsOf') return facts.images.platformsOf(about);
  return question === 'exists' ? facts.downloads?.exists(about) : facts.downloads?.read(about);
}

/** What goes back to the main thread: reports need the edits, not what they were made of. */
export function lighten(result: FileFindings): FileFindings {
  const { text, file } = result.dockerfile;
  return {
    ...result,
    dockerfile: { text, file },
    findings: result.findings.map(({ variations: _, ...finding }) => finding),
  };
}
