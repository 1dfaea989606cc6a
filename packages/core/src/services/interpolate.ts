/** A text with its variables filled in. */
export interface Interpolated {
  readonly text: string;
  /** Variables that have neither a value nor a default: the text is not what it will be. */
  readonly unset: readonly string[];
  /** It is written as it reads. */
  readonly literal: boolean;
}

const variable = /\$(?:\$|([A-Za-z_]\w*)|\{([A-Za-z_]\w*)(?:(:?[-+?])((?:[^{}]|\$?\{[^{}]*\})*))?\})/g;

/** Fills `$NAME` and `${NAME:-default}` in, as the Compose specification's "Interpolation" has it. */
export function interpolate(text: string, variables: Readonly<Record<string, string>>): Interpolated {
  const unset = new Set<string>();
  const fill = (from: string): string =>
    from.replace(variable, (whole, short: string | undefined, long: string | undefined, operator, rest) => {
      if (whole === '$$') return '$';
      const name = short ?? long ?? '';
      const value = Object.hasOwn(variables, name) ? variables[name] : undefined;
      const missing = value === undefined || (operator?.startsWith(':') && value === '');
      switch (operator?.at(-1)) {
        case '-':
          return missing ? fill(rest ?? '') : value;
        case '+':
          return missing ? '' : fill(rest ?? '');
        default:
          if (value === undefined) unset.add(name);
          return value ?? '';
      }
    });
  const filled = fill(text);
  return { text: filled, unset: [...unset], literal: !text.includes('$') };
}

/** Reads the lines of an `.env` file: `NAME=value`, with or without quotes and `export`. */
export function readEnvFile(text: string): Readonly<Record<string, string>> {
  const variables: Record<string, string> = {};
  for (const line of text.split(/\r?\n/)) {
    const match = /^\s*(?:export\s+)?([A-Za-z_][\w.]*)\s*[=:]\s*(.*?)\s*$/.exec(line);
    if (!match?.[1]) continue;
    const value = match[2] ?? '';
    const quoted = /^(['"])(.*?)\1(?:\s+#.*)?$/.exec(value);
    variables[match[1]] = quoted ? (quoted[2] ?? '') : value.replace(/(?:^|\s+)#.*$/, '');
  }
  return variables;
}
