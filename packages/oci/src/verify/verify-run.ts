import type { LayerFacts } from './layer-facts.ts';

export interface VerifyRunOptions {
  /** Manifests, configs and layers that are read at a time, over all images. @default 4 */
  readonly jobs?: number | undefined;
  /** How much of what was seen in layers is kept in memory, bytes, roughly. @default 128 MiB */
  readonly memory?: number | undefined;
}

/** What several verifications of one repository share: a limit, and what was found out before. */
export interface VerifyRun {
  /** Runs a task when fewer than `jobs` are running; tasks do not wait for each other. */
  limited<T>(task: () => Promise<T>): Promise<T>;
  /** The answer of `ask`, or of whoever asked for the same key before; a failure is asked again. */
  once<T>(key: string, ask: () => Promise<T>): Promise<T>;
  /** The same for a layer; one that was not looked at for long is forgotten first. */
  layer<T extends object>(digest: string, scan: () => Promise<T>): Promise<T>;
}

/** Makes what verifications side by side share. */
export function verifyRun(options: VerifyRunOptions = {}): VerifyRun {
  const { jobs = 4, memory = 128 * 1024 * 1024 } = options;
  const answers = new Map<string, Promise<unknown>>();
  const layers = new Map<string, { readonly scan: Promise<object>; weight: number }>();
  const waiting: (() => void)[] = [];
  let running = 0;
  let held = 0;
  const forget = (): void => {
    for (const [digest, { weight }] of layers) {
      if (held <= memory) return;
      if (weight > 0) {
        layers.delete(digest);
        held -= weight;
      }
    }
  };
  return {
    async limited(task) {
      if (running >= jobs) await new Promise<void>((resolve) => waiting.push(resolve));
      else running += 1;
      try {
        return await task();
      } finally {
        const next = waiting.shift();
        if (next) next();
        else running -= 1;
      }
    },
    once<T>(key: string, ask: () => Promise<T>): Promise<T> {
      const known = answers.get(key);
      if (known) return known as Promise<T>;
      const asked = ask();
      answers.set(key, asked);
      asked.catch(() => answers.delete(key));
      return asked;
    },
    layer<T extends object>(digest: string, scan: () => Promise<T>): Promise<T> {
      const known = layers.get(digest);
      if (known) {
        layers.delete(digest);
        layers.set(digest, known);
        return known.scan as Promise<T>;
      }
      const scanned = scan();
      const entry = { scan: scanned, weight: 0 };
      layers.set(digest, entry);
      scanned.then(
        (found) => {
          entry.weight = weightOf(found);
          held += entry.weight;
          forget();
        },
        () => layers.delete(digest),
      );
      return scanned;
    },
  };
}

/** Names make most of it. */
function weightOf(found: Partial<LayerFacts>): number {
  const { elf = [], scripts = [], links = [], directories = [], others = {} } = found;
  let weight = 200 + 600 * elf.length + 200 * (scripts.length + links.length) + 100 * directories.length;
  for (const names of Object.values(others)) weight += 100 + 60 * names.length;
  return weight;
}
