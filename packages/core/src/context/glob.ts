type Token =
  | { readonly kind: 'character'; readonly is: (char: string) => boolean }
  /** Any number of characters of one name. */
  | { readonly kind: 'star' }
  /** Any number of characters. */
  | { readonly kind: 'any' }
  /** Any number of whole names. */
  | { readonly kind: 'names' };

/**
 * Tells whether a pattern of a .dockerignore matches a path or a folder that it lies in, in time that grows with their
 * lengths only: a regular expression takes forever for patterns of many wildcards.
 */
export function globMatcher(pattern: string): (path: string) => boolean {
  const tokens = tokensOf(pattern);
  return (path) => {
    // Which tokens may come next; `names` are left only where a name ends.
    let next = closed(tokens, new Set([0]));
    for (const char of path) {
      if (char === '/' && next.has(tokens.length)) return true;
      const after = new Set<number>();
      for (const at of next) {
        const index = at < 0 ? -at - 1 : at;
        const token = tokens[index];
        if (token === undefined) continue;
        if (token.kind === 'character') {
          if (token.is(char)) after.add(index + 1);
        } else if (token.kind === 'star') {
          if (char !== '/') after.add(index);
        } else if (token.kind === 'any') after.add(index);
        else after.add(char === '/' ? index : -index - 1);
      }
      next = closed(tokens, after);
    }
    return next.has(tokens.length);
  };
}

/** With what may be passed over; a number below zero is in the middle of a name, which `names` must end first. */
function closed(tokens: readonly Token[], from: ReadonlySet<number>): ReadonlySet<number> {
  const all = new Set(from);
  for (const at of all) {
    const token = at < 0 ? undefined : tokens[at];
    if (token !== undefined && token.kind !== 'character') all.add(at + 1);
  }
  return all;
}

function tokensOf(pattern: string): readonly Token[] {
  const tokens: Token[] = [];
  for (let at = 0; at < pattern.length; at += 1) {
    const char = pattern[at] as string;
    if (pattern.startsWith('**/', at)) {
      if (tokens.at(-1)?.kind !== 'names') tokens.push({ kind: 'names' });
      at += 2;
    } else if (pattern.startsWith('**', at)) {
      tokens.push({ kind: 'any' });
      at += 1;
    } else if (char === '*') tokens.push({ kind: 'star' });
    else if (char === '?') tokens.push({ kind: 'character', is: (other) => other !== '/' });
    else tokens.push({ kind: 'character', is: (other) => other === char });
  }
  return tokens;
}

/** Tells whether a pattern has so many wildcards that matching it otherwise may take forever. */
export function isCostly(pattern: string): boolean {
  return (pattern.match(/\*+/g) ?? []).length > 4;
}
