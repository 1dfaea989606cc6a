import { createHash } from 'node:crypto';
import { formatPlatform } from '@mabuild/oci';
import type { Memory } from '../../../memory.ts';
import type { StoredLayer } from '../layers/layer-scanner.ts';
import {
  cachedLayer,
  type LayerKey,
  type LayerWriter,
  type OnCacheRecord,
  type RememberedLayer,
  type WrittenLayer,
} from '../layers/layer-writer.ts';
import { resolvePath } from '../layers/tree.ts';
import type { RunMount, RunRequest } from '../run-request.ts';
import { treeDigest } from './tree-digest.ts';

/** What a RUN made, now or in an earlier build. */
export interface RunOutcome {
  /** Absent when it changed nothing. */
  readonly layer: WrittenLayer | undefined;
  /** It was remembered, so nothing was done. */
  readonly known: boolean;
}

/** Executes a RUN. @param onChangedInput to be told when what it is given is not what its key says */
export type ExecuteRun = (onChangedInput: () => void) => Promise<StoredLayer | undefined>;

export interface RunCacheOptions {
  /** Execute it again, whatever is remembered. */
  readonly noCache: boolean;
  /** `SOURCE_DATE_EPOCH`: the times in the layer depend on it. */
  readonly epoch: number | undefined;
  readonly onRecord?: OnCacheRecord | undefined;
  /**
   * Asked before a RUN is executed: what names a sandbox that cannot make all that others make. Its results serve no other;
   * those of others serve it. @default it can
   */
  readonly limits?: ((request: RunRequest) => Promise<string | undefined>) | undefined;
}

/** Remembers what steps made of what they were given; those that are asked for at the same time are done once. */
export interface RunCache {
  /** What a step makes of facts that decide everything in its layer. */
  remembered(
    facts: readonly unknown[],
    make: () => Promise<WrittenLayer | undefined>,
    options: RunCacheOptions,
  ): Promise<RunOutcome>;
  outcome(request: RunRequest, execute: ExecuteRun, options: RunCacheOptions): Promise<RunOutcome>;
}

/** With the key that it is remembered by, unless a file changed before it was taken. */
interface MadeOutcome extends RunOutcome {
  readonly key: string | undefined;
}

type MakeLayer = (onChangedInput: () => void) => Promise<WrittenLayer | undefined>;

const format = 2;
const stepFormat = 1;

type Kind = 'run' | 'step';

interface Remembered {
  readonly layer: RememberedLayer | null;
  readonly written?: LayerKey | undefined;
}

export function createRunCache(memory: Memory, writer: LayerWriter): RunCache {
  const underway = new Map<string, Promise<MadeOutcome>>();
  const find = async (kind: Kind, key: string): Promise<RunOutcome | undefined> => {
    const known = (await memory.get(kind, key)) as Remembered | undefined;
    if (known && !known.layer) return { layer: undefined, known: true };
    const layer = known?.layer && (await writer.restore(known.layer));
    if (layer) return { layer: { ...layer, written: known.written }, known: true };
    const imported = writer.imported(kind, key);
    return imported === undefined ? undefined : { layer: imported ?? undefined, known: true };
  };
  const make = async (
    kind: Kind,
    wanted: string,
    execute: MakeLayer,
    { noCache }: RunCacheOptions,
    limits: () => Promise<string | undefined>,
  ): Promise<MadeOutcome> => {
    const keyHere = async (): Promise<string> => {
      const limited = await limits();
      return limited === undefined ? wanted : digestOf([wanted, limited]);
    };
    const known = noCache ? undefined : await find(kind, wanted);
    if (known) return { ...known, key: wanted };
    const apart = await keyHere();
    const knownHere = noCache || apart === wanted ? undefined : await find(kind, apart);
    if (knownHere) return { ...knownHere, key: apart };
    let changed = false;
    const layer = await execute(() => {
      changed = true;
    });
    if (changed || layer?.changed) return { key: undefined, layer, known: false };
    // Another sandbox may have taken the place of one that did not work any more.
    const key = await keyHere();
    if (!layer) {
      await memory.set(kind, key, { layer: null } satisfies Remembered);
      return { key, layer: undefined, known: false };
    }
    const { diffId, descriptor, facts, created, written } = layer;
    const { digest, size } = descriptor;
    const remembered = { layer: { diffId, digest, size, facts, created }, written } satisfies Remembered;
    await memory.set(kind, key, remembered);
    return { key, layer, known: false };
  };
  const once = async (
    kind: Kind,
    wanted: string,
    execute: MakeLayer,
    options: RunCacheOptions,
    limits: () => Promise<string | undefined> = async () => undefined,
  ): Promise<RunOutcome> => {
    const work =
      underway.get(wanted) ??
      make(kind, wanted, execute, options, limits).finally(() => underway.delete(wanted));
    underway.set(wanted, work);
    const { key, ...outcome } = await work;
    const layer = outcome.layer ? cachedLayer(outcome.layer) : null;
    if (key !== undefined) options.onRecord?.({ kind, key, layer });
    if (outcome.layer?.written) options.onRecord?.({ kind: 'step-layer', ...outcome.layer.written, layer });
    return outcome;
  };
  return {
    remembered: (facts, execute, options) =>
      once('step', digestOf([stepFormat, options.epoch ?? null, facts]), execute, options),
    async outcome(request, execute, options) {
      const executed: MakeLayer = async (onChangedInput) => {
        const layer = await execute(onChangedInput);
        // That its files were written before does not mean that it was not executed.
        return layer && { ...layer, cached: false };
      };
      const limits = async (): Promise<string | undefined> => await options.limits?.(request);
      return await once('run', await keyOf(request, options), executed, options, limits);
    },
  };
}

/** Everything that decides what a RUN makes: what it runs on and with, not where that came from. */
async function keyOf(request: RunRequest, { epoch }: RunCacheOptions): Promise<string> {
  const { platform, layers, command, user, workingDirectory, network, mounts, settings } = request;
  const facts = [
    ...[format, epoch ?? null, formatPlatform(platform), layers.map(({ diffId }) => diffId)],
    ...[command, variablesOf(request)],
    ...[user, workingDirectory, network, await Promise.all(mounts.map(mountFacts))],
    ...(settings ? [settings] : []),
  ];
  return digestOf(facts);
}

function digestOf(facts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex');
}

function variablesOf({ environment, proxies }: RunRequest): readonly unknown[] {
  return Object.entries(environment)
    .filter(([name]) => !proxies.includes(name))
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
