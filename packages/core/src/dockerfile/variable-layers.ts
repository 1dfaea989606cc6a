/** Variables that change from line to line; a snapshot of them costs nothing, however many there are. */
export interface VariableLayers<V> {
  set(name: string, value: V): void;
  delete(name: string): void;
  /** The variables as they are now; later changes do not show in it. */
  snapshot(): ReadonlyMap<string, V>;
}

/** What one name was, and from which change on; `undefined`: it was deleted. */
interface Version<V> {
  readonly since: number;
  readonly value: V | undefined;
}

interface Layer<V> {
  readonly names: ReadonlyMap<string, readonly Version<V>[]>;
  readonly time: number;
  readonly below: Layer<V> | undefined;
}

/**
 * Starts with what another snapshot holds.
 *
 * @param base a snapshot of layers, or any other map
 */
export function variableLayers<V>(base?: ReadonlyMap<string, V>): VariableLayers<V> {
  const names = new Map<string, Version<V>[]>();
  const below = base && layerOf(base);
  let time = 0;
  let latest: Snapshot<V> | undefined;
  const change = (name: string, value: V | undefined): void => {
    time += 1;
    latest = undefined;
    const versions = names.get(name);
    if (versions) versions.push({ since: time, value });
    else names.set(name, [{ since: time, value }]);
  };
  return {
    set: change,
    delete: (name) => change(name, undefined),
    snapshot() {
      latest ??= new Snapshot({ names, time, below });
      return latest;
    },
  };
}

function layerOf<V>(map: ReadonlyMap<string, V>): Layer<V> {
  if (map instanceof Snapshot) return map.layer;
  return {
    names: new Map([...map].map(([name, value]) => [name, [{ since: 0, value }]])),
    time: 0,
    below: undefined,
  };
}

/** A class, as an object with a getter of its own has a shape of its own too, which outlives young collections. */
class Snapshot<V> implements ReadonlyMap<string, V> {
  readonly layer: Layer<V>;
  #whole: ReadonlyMap<string, V> | undefined;

  constructor(layer: Layer<V>) {
    this.layer = layer;
  }

  get size(): number {
    return this.#all().size;
  }

  get(name: string): V | undefined {
    return find(this.layer, name);
  }

  has(name: string): boolean {
    return find(this.layer, name) !== undefined;
  }

  forEach(visit: (value: V, name: string, map: ReadonlyMap<string, V>) => void, self?: unknown): void {
    for (const [name, value] of this.#all()) visit.call(self, value, name, this);
  }

  entries(): MapIterator<[string, V]> {
    return this.#all().entries();
  }

  keys(): MapIterator<string> {
    return this.#all().keys();
  }

  values(): MapIterator<V> {
    return this.#all().values();
  }

  [Symbol.iterator](): MapIterator<[string, V]> {
    return this.entries();
  }

  #all(): ReadonlyMap<string, V> {
    this.#whole ??= flatten(this.layer);
    return this.#whole;
  }
}

function find<V>(top: Layer<V>, name: string): V | undefined {
  for (let layer: Layer<V> | undefined = top; layer; layer = layer.below) {
    const version = versionAt(layer.names.get(name), layer.time);
    if (version) return version.value;
  }
  return undefined;
}

/** The last version that is no later than a time. */
function versionAt<V>(versions: readonly Version<V>[] | undefined, time: number): Version<V> | undefined {
  if (!versions) return undefined;
  let low = 0;
  let high = versions.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((versions[middle] as Version<V>).since <= time) low = middle + 1;
    else high = middle;
  }
  return versions[low - 1];
}

/** In the order in which the names came up first. */
function flatten<V>(top: Layer<V>): ReadonlyMap<string, V> {
  const stack: Layer<V>[] = [];
  for (let layer: Layer<V> | undefined = top; layer; layer = layer.below) stack.push(layer);
  const whole = new Map<string, V>();
  for (const layer of stack.reverse()) {
    for (const [name, versions] of layer.names) {
      const version = versionAt(versions, layer.time);
      if (version?.value !== undefined) whole.set(name, version.value);
      else if (version) whole.delete(name);
    }
  }
  return whole;
}
