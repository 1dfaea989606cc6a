/** One way that a server offers to sign in: RFC 9110, 11.3. */
export interface Challenge {
  /** Lower case, e.g. `bearer`. */
  readonly scheme: string;
  /** Parameters, names in lower case. */
  readonly params: Readonly<Record<string, string>>;
}

/**
 * Reads the challenges of a WWW-Authenticate header; several may stand in one value: RFC 9110, 11.6.1.
 *
 * What cannot be read ends the list: what stood before it is kept.
 */
export function parseChallenges(header: string): readonly Challenge[] {
  const challenges: Challenge[] = [];
  const reader = new Reader(header);
  while (true) {
    reader.skip(/[\s,]*/y);
    const scheme = reader.take(token);
    if (scheme === undefined) {
      return challenges;
    }
    const params: Record<string, string> = {};
    challenges.push({ scheme: scheme.toLowerCase(), params });
    if (!reader.skip(/\s+(?![\s,])/y)) {
      continue;
    }
    if (!readParams(reader, params)) {
      return challenges;
    }
  }
}

const token = /[!#$%&'*+\-.^_`|~0-9A-Za-z]+/y;
const paramName = /([!#$%&'*+\-.^_`|~0-9A-Za-z]+)\s*=\s*(?!=|\s*(?:,|$))/y;
const quoted = /"((?:[^"\\]|\\.)*)"/y;
// Servers leave out the quotes around addresses, so more than a token is taken: up to a comma or a space.
const unquoted = /[^\s,"]+/y;

/** Reads `name=value` pairs up to the next challenge. @returns `false` when the rest cannot be read. */
function readParams(reader: Reader, params: Record<string, string>): boolean {
  for (let first = true; ; first = false) {
    if (!first && !reader.skip(/\s*(?:,\s*)+/y)) {
      return reader.atEnd();
    }
    const name = reader.take(paramName)?.toLowerCase();
    if (name === undefined) {
      // A token68 (`Basic dXNlcg==`) says nothing that a client could use.
      return !first || reader.skip(/[A-Za-z0-9\-._~+/]+=*(?=\s*(?:,|$))/y);
    }
    const text = reader.take(quoted);
    const value = text === undefined ? reader.take(unquoted) : text.replace(/\\(.)/gs, '$1');
    if (value === undefined) {
      return false;
    }
    params[name] ??= value;
  }
}

/** A place in a text, moved forward by sticky patterns. */
class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  atEnd(): boolean {
    return this.#text.slice(this.#at).trim() === '';
  }

  /** The first group of the pattern, or all that it matched. */
  take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match === null) {
      return undefined;
    }
    this.#at = pattern.lastIndex;
    return match[1] ?? match[0];
  }

  /** @returns whether the pattern moved it. */
  skip(pattern: RegExp): boolean {
    return (this.take(pattern) ?? '') !== '';
  }
}
