import type { Finding, TextEdit } from '@mabuild/core';
import { parsePlatformList } from '@mabuild/oci';
import type { FileFindings } from '../../packages/cli/src/sdk/check/file-findings.ts';

/** A finding about the first place of `what` in a text; `to` is what it should read. */
export function findingAt(
  text: string,
  what: string,
  given: Partial<Finding> & { readonly to?: string } = {},
): Finding {
  const start = text.indexOf(what);
  if (start < 0) throw new Error(`${JSON.stringify(what)} is not in the text`);
  const range = { start, end: start + what.length };
  const { to, ...rest } = given;
  const edits: readonly TextEdit[] = to === undefined ? [] : [{ ...range, newText: to }];
  return {
    rule: 'known-asset-x86-url',
    severity: 'error',
    platforms: parsePlatformList('linux/arm64,linux/arm/v7'),
    message: 'the download is for x86',
    range,
    fix: to === undefined ? 'none' : 'auto',
    edits,
    ...rest,
  };
}

/** What was found in a file, without checking it. */
export function fileFindings(
  text: string,
  findings: readonly Finding[],
  given: Partial<FileFindings> = {},
): FileFindings {
  const path = given.path ?? 'Dockerfile';
  return { path, dockerfile: { text, file: path }, findings, ...given };
}
