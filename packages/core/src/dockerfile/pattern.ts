/** A shell pattern that no `${name#pattern}` may have. */
export class PatternError extends Error {}

/**
 * Turns a shell pattern (`*`, `?`, backslash escapes, no brackets) into the source of a regular expression.
 *
 * @throws PatternError for an escape of an ordinary character or at the end.
 */
export function patternToRegExp(pattern: string, options: { greedy: boolean; anchored: boolean }): string {
  let out = options.anchored ? '^' : '';
  const characters = [...pattern];
  for (let at = 0; at < characters.length; at += 1) {
    const character = characters[at] as string;
    if (character === '*') {
      out += options.greedy ? '.*' : '.*?';
    } else if (character === '?') {
      out += '.';
    } else if (character === '\\') {
      const next = characters[at + 1];
      // `}` and `/` are escaped for the sake of `${}`, not for the pattern.
      if (next === '}' || next === '/') continue;
      if (next !== '*' && next !== '?' && next !== '\\')
        throw new PatternError(`invalid escape '\\${next ?? ''}'`);
      out += `\\${next}`;
      at += 1;
    } else {
      out += '[]{}.+()|^$'.includes(character) ? `\\${character}` : character;
    }
  }
  return out;
}

/** Reverses a pattern so that it matches reversed text; an escape stays before what it escapes. */
export function reversePattern(pattern: string): string {
  const characters = [...pattern];
  const units: string[] = [];
  for (let at = 0; at < characters.length; at += 1) {
    const character = characters[at] as string;
    const next = characters[at + 1];
    if (character === '\\' && next !== undefined) {
      units.push(character + next);
      at += 1;
    } else {
      units.push(character);
    }
  }
  return units.reverse().join('');
}

/** What `${name#pattern}` (`##` when greedy) leaves of a value. */
export function trimPrefix(pattern: string, value: string, greedy: boolean): string {
  const match = new RegExp(patternToRegExp(pattern, { greedy, anchored: true }), 'u').exec(value);
  return match ? value.slice(match[0].length) : value;
}

/** What `${name%pattern}` (`%%` when greedy) leaves of a value. */
export function trimSuffix(pattern: string, value: string, greedy: boolean): string {
  // Only a search from the left finds the shortest match, so both are turned round.
  return reverse(trimPrefix(reversePattern(pattern), reverse(value), greedy));
}

/** `${name/pattern/replacement}`, or with `all` `${name//pattern/replacement}`. */
export function replacePattern(pattern: string, value: string, replacement: string, all: boolean): string {
  const source = patternToRegExp(pattern, { greedy: true, anchored: false });
  if (!all) return value.replace(new RegExp(source, 'u'), () => replacement);
  let last = -1;
  return value.replace(new RegExp(source, 'gu'), (match: string, ...rest: unknown[]) => {
    const offset = rest.find((item) => typeof item === 'number') as number;
    // As in Go, an empty match that touches the one before it does not count.
    if (match === '' && offset === last) return '';
    last = offset + match.length;
    return expandTemplate(replacement, match);
  });
}

/** Go's regexp templates: the whole match is the only group there is, so every other `$name` is empty. */
function expandTemplate(template: string, match: string): string {
  return template.replace(/\$(?:(\$)|\{([A-Za-z0-9_]+)\}|([A-Za-z0-9_]+))/g, (_, dollar, braced, bare) => {
    if (dollar) return '$';
    return (braced ?? bare) === '0' ? match : '';
  });
}

function reverse(text: string): string {
  return [...text].reverse().join('');
}
