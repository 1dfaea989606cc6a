import { styleText } from 'node:util';

/** Colours by meaning; without colour every function gives its text back. */
export interface Paint {
  error(text: string): string;
  warning(text: string): string;
  hint(text: string): string;
  added(text: string): string;
  removed(text: string): string;
  faint(text: string): string;
  strong(text: string): string;
}

/** Colours for a stream: only on a terminal, never with `--no-color` or NO_COLOR. */
export function paintFor(options: {
  readonly isTTY: boolean | undefined;
  readonly color: boolean;
  readonly environment: Readonly<Record<string, string | undefined>>;
}): Paint {
  const on = options.color && options.isTTY === true && !options.environment.NO_COLOR;
  const style =
    (format: Parameters<typeof styleText>[0]): ((text: string) => string) =>
    (text) =>
      on ? styleText(format, text, { validateStream: false }) : text;
  return {
    error: style(['bold', 'red']),
    warning: style('yellow'),
    hint: style('cyan'),
    added: style('green'),
    removed: style('red'),
    faint: style('dim'),
    strong: style('bold'),
  };
}

/** No colours. */
export const plainPaint: Paint = paintFor({ isTTY: false, color: false, environment: {} });
