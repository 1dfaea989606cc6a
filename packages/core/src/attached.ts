/**
 * Answers about things, like a WeakMap's, but kept in the things themselves: they are garbage as soon as those are.
 *
 * What a WeakMap holds outlives young collections, and of thousands of files that is most of what there is to collect.
 * A thing that cannot be extended is asked anew each time.
 */
export class Attached<Key extends object, Answer> {
  readonly #key: symbol = Symbol('answer');

  get(key: Key): Answer | undefined {
    return (key as Readonly<Record<symbol, Answer | undefined>>)[this.#key];
  }

  /** Copies of the thing by `{ ...thing }` do not take it along. */
  set(key: Key, value: Answer): this {
    if (Object.isExtensible(key)) Object.defineProperty(key, this.#key, { value, configurable: true });
    return this;
  }
}
