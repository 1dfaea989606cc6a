import { isMabuildError, type SourceLocation } from '@mabuild/oci';
import type { Paint } from '../text/paint.ts';
import { columnsOf, visible } from '../text/visible.ts';

/** Writes an error as people read it: message and code, the place with a caret, what to do next. */
export function formatError(
  error: unknown,
  options: { readonly paint: Paint; readonly debug: boolean },
): string {
  const { paint, debug } = options;
  if (!isMabuildError(error)) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return `${paint.error('error:')} ${visible(text)}\n${paint.hint('hint:')} this is a bug of mabuild's; please report it with this text\n`;
  }
  const lines = [`${paint.error('error:')} ${visible(error.message)} (${error.code})`];
  if (error.location) lines.push(...formatLocation(error.location));
  if (error.hint) lines.push(`${paint.hint('hint:')} ${visible(error.hint)}`);
  if (debug && error.stack) lines.push(visible(error.stack));
  for (let cause = debug ? error.cause : undefined; cause instanceof Error; cause = cause.cause) {
    lines.push(`caused by: ${visible(cause.stack ?? cause.message)}`);
  }
  return `${lines.join('\n')}\n`;
}

/** `Dockerfile:3:6`, the line, and carets under the place. */
export function formatLocation(location: SourceLocation): string[] {
  const lines = [`  ${location.file ?? 'Dockerfile'}:${location.line}:${location.column}`];
  if (location.lineText === undefined) return lines;
  const { lineText, column } = location;
  const sameLine = location.endLine === undefined || location.endLine === location.line;
  const end = sameLine ? (location.endColumn ?? column + 1) : lineText.length + 1;
  const shown = (from: number, to?: number): string =>
    visible(lineText.slice(from, to)).replaceAll('\t', ' ');
  const before = shown(0, column - 1);
  const carets = '^'.repeat(Math.max(1, columnsOf(shown(column - 1, end - 1))));
  const gutter = `${' '.repeat(3)}${location.line} | `;
  lines.push(
    `${gutter}${shown(0)}`,
    `${' '.repeat(gutter.length - 2)}| ${' '.repeat(columnsOf(before))}${carets}`,
  );
  return lines;
}

/** The one document that `--format json` writes to stderr for an error. */
export function formatErrorJson(error: unknown): string {
  const known = isMabuildError(error) ? error : undefined;
  const document = {
    version: 1,
    error: {
      code: known?.code ?? 'INTERNAL',
      message: error instanceof Error ? error.message : String(error),
      ...(known?.hint ? { hint: known.hint } : {}),
      ...(known?.location ? { location: known.location } : {}),
    },
  };
  return `${JSON.stringify(document)}\n`;
}
