import { createHash } from 'node:crypto';
import { formatPlatform } from '@mabuild/oci';
import type { Memory } from '../../../memory.ts';
import type { StoredLayer } from '../layers/layer-scanner.ts';
import {
  cachedLayer,
  type LayerWriter,
  type OnCacheRecord,
  type RememberedLayer,
  type WrittenLayer,
} from '../layers/layer-writer.ts';
import { resolvePath } from '../layers/tree.ts';
import type { RunMount, RunRequest } from '../steps/run.ts';
import { treeDigest } from './tree-digest.ts';

/** What a RUN made, now or in an earlier build. */
export interface RunOutcome {
  /** Absent when it changed nothing. */
  readonly layer: WrittenLayer | undefined;
}

export interface RunCacheOptions {
  /** Execute it again, whatever is remembered. */
  readonly noCache: boolean;
  /** `SOURCE_DATE_EPOCH`: the times in the layer depend on it. */
  readonly epoch: number | undefined;
  readonly onRecord?: OnCacheRecord | undefined;
}

/** Remembers what RUNs made of what they were given; those that are asked for at the same time are executed once. */
export interface RunCache {
  outcome(
    request: RunRequest,
    execute: () => Promise<StoredLayer | undefined>,
    options: RunCacheOptions,
  ): Promise<RunOutcome>;
}

const format = 1;

interface Remembered {
  readonly layer: RememberedLayer | null;
}

/** Proxies say how the network is reached, not what is there. */
const proxy = /^(?:https?|ftp|no|all)_proxy$/i;

export function createRunCache(memory: Memory, writer: LayerWriter): RunCache {
  const underway = new Map<string, Promise<RunOutcome>>();
  const find = async (key: string): Promise<RunOutcome | undefined> => {
    const known = (await memory.get('run', key)) as Remembered | undefined;
    if (known && !known.layer) return { layer: undefined };
    const layer = known?.layer && (await writer.restore(known.layer));
    if (layer) return { layer };
    const imported = writer.imported('run', key);
    return imported === undefined ? undefined : { layer: imported ?? undefined };
  };
  const make = async (
    key: string,
    execute: () => Promise<StoredLayer | undefined>,
    { noCache }: RunCacheOptions,
  ): Promise<RunOutcome> => {
    const known = noCache ? undefined : await find(key);
    if (known) return known;
    const layer = await execute();
    if (!layer) {
      await memory.set('run', key, { layer: null } satisfies Remembered);
      return { layer: undefined };
    }
    const { diffId, descriptor, facts, created } = layer;
    const { digest, size } = descriptor;
    await memory.set('run', key, { layer: { diffId, digest, size, facts, created } } satisfies Remembered);
    return { layer: { ...layer, cached: false } };
  };
  return {
    async outcome(request, execute, options) {
      const key = await keyOf(request, options);
      const work = underway.get(key) ?? make(key, execute, options).finally(() => underway.delete(key));
      underway.set(key, work);
      const outcome = await work;
      options.onRecord?.({ kind: 'run', key, layer: outcome.layer ? cachedLayer(outcome.layer) : null });
      return outcome;
    },
  };
}

/** Everything that decides what a RUN makes: what it runs on and with, not where that came from. */
async function keyOf(request: RunRequest, { epoch }: RunCacheOptions): Promise<string> {
  const { platform, layers, command, environment, user, workingDirectory, network, mounts, settings } =
    request;
  const facts = [
    ...[format, epoch ?? null, formatPlatform(platform), layers.map(({ diffId }) => diffId)],
    ...[command, variablesOf(environment)],
    ...[user, workingDirectory, network, await Promise.all(mounts.map(mountFacts))],
    ...(settings ? [settings] : []),
  ];
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex');
}

function variablesOf(environment: Readonly<Record<string, string>>): readonly unknown[] {
  return Object.entries(environment)
    .filter(([name]) => !proxy.test(name))
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

/** What a mount says, and the files that it brings along; secrets have no part in it, as with BuildKit. */
async function mountFacts({ fields, source }: RunMount): Promise<readonly unknown[]> {
  const { type = 'bind', ...others } = fields;
  const said = Object.entries(others).sort(([a], [b]) => (a < b ? -1 : 1));
  if (type !== 'bind') return [type, said];
  const path = fields.source ?? fields.src ?? '/';
  const { node } = resolvePath(await source.tree(), path);
  return [type, said, node ? await treeDigest(node) : null];
}
