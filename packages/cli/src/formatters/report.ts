import type { Rule } from '@mabuild/core';
import type { CheckReport } from '../sdk/check/check.ts';
import type { Paint } from '../text/paint.ts';
import { formatFindings } from './findings.ts';
import { findingsDocument } from './findings-document.ts';
import { formatGithub } from './github.ts';
import { htmlReport } from './html/report.ts';
import { sarifLog } from './sarif.ts';

/** The formats of `mabuild check`. */
export type ReportFormat = 'text' | 'json' | 'sarif' | 'github' | 'html';

export interface ReportOptions {
  readonly format: ReportFormat;
  readonly rules?: readonly Rule[] | undefined;
  readonly paint?: Paint | undefined;
  /** As for {@link formatFindings}. */
  readonly paths?: readonly string[] | undefined;
  /** The platforms that were named, for the command that comes next. */
  readonly namedPlatforms?: readonly string[] | undefined;
  readonly directory?: string | undefined;
}

/** A report in one of its formats, in parts that are written one after the other. */
export function formatReport(report: CheckReport, options: ReportOptions): Iterable<string> {
  const { files, platforms } = report;
  const { rules, directory } = options;
  switch (options.format) {
    case 'json':
      return [`${JSON.stringify(findingsDocument(files, platforms), null, 2)}\n`];
    case 'sarif':
      return [`${JSON.stringify(sarifLog(files, { rules, platforms, directory }), null, 2)}\n`];
    case 'github':
      return [formatGithub(files)];
    case 'html':
      return htmlReport(files, { platforms, rules });
    default: {
      const { paint, paths, namedPlatforms } = options;
      return [formatFindings(files, { paint, paths, platforms: namedPlatforms })];
    }
  }
}
