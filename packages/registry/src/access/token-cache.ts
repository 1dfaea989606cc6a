import { coversScopes } from './scope.ts';
import type { Token } from './token-server.ts';

interface Entry {
  readonly scopes: readonly string[];
  readonly pending: Promise<Token>;
  /** Of the caller that asked for it. */
  readonly signal: AbortSignal | undefined;
  /** Once it has come. */
  token?: Token;
}

/** A token per set of scopes, asked for once however many wait for it. */
export class TokenCache {
  readonly #entries = new Set<Entry>();
  readonly #refused = new Set<string>();

  /**
   * A token that covers the scopes and lives on.
   * @param scopes normalised
   * @param fetch asks for one
   * @throws what `fetch` throws; the signal's reason.
   */
  async get(
    scopes: readonly string[],
    signal: AbortSignal | undefined,
    fetch: () => Promise<Token>,
  ): Promise<Token> {
    while (true) {
      const known = this.#covering(scopes);
      const entry = known ?? this.#add({ scopes, pending: fetch(), signal });
      try {
        const token = await entry.pending;
        if (known === undefined || token.expires > Date.now()) {
          return token;
        }
        this.#entries.delete(entry);
      } catch (error) {
        this.#entries.delete(entry);
        // Another caller gave up, or asked for more than we need: ask for ourselves.
        const ours = known === undefined || (isSame(entry.scopes, scopes) && entry.signal?.aborted !== true);
        if (ours || signal?.aborted === true) {
          throw signal?.aborted === true ? signal.reason : error;
        }
      }
    }
  }

  /** Takes note that the registry takes this token no more: others that it gave before go too. */
  refuse(header: string, scopes: readonly string[]): void {
    if (this.#refused.has(header)) {
      return;
    }
    this.#refused.add(header);
    for (const entry of this.#entries) {
      const { token } = entry;
      if (token !== undefined && (token.header === header || coversScopes(entry.scopes, scopes))) {
        this.#entries.delete(entry);
      }
    }
  }

  #covering(scopes: readonly string[]): Entry | undefined {
    const entries = [...this.#entries];
    return (
      entries.find((entry) => isSame(entry.scopes, scopes)) ??
      entries.find((entry) => coversScopes(entry.scopes, scopes))
    );
  }

  #add(entry: Entry): Entry {
    this.#entries.add(entry);
    entry.pending.then(
      (token) => {
        entry.token = token;
        this.#refused.delete(token.header);
      },
      () => undefined,
    );
    return entry;
  }
}

function isSame(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every((scope, index) => scope === others[index]);
}
