import type { CallOptions } from '@mabuild/oci';
import type { StoredLayer } from '../../layers/layer-scanner.ts';
import type { ChosenSandbox, SandboxOptions } from '../choice/choose.ts';
import { runJob } from '../helper/helper-process.ts';
import type { JobLayer } from '../helper/job.ts';
import { type ShelfName, shelfNames } from './layer-shelf.ts';
import { nameOnShelf } from './shelf-sharing.ts';

interface MissingOptions extends CallOptions {
  readonly onNote?: ((text: string) => void) | undefined;
}

/** What a job says of layers, from the bottom. */
export function jobLayers(layers: readonly StoredLayer[]): readonly Omit<JobLayer, 'comes'>[] {
  const diffIds = layers.map(({ diffId }) => diffId);
  const names = shelfNames(diffIds);
  return diffIds.map((diffId, index) => ({ id: '', ...names[index], diffId }));
}

/** Everything that a layer may be called on the shelf. */
export function namesOf({ id, alone }: ShelfName): readonly string[] {
  return alone === undefined ? [id] : [id, alone];
}

/** Gives layers as a job names them, unpacked. @see unpackMissing */
export async function layersOnShelf(
  sandbox: ChosenSandbox,
  layers: readonly StoredLayer[],
  unpacking: Map<string, Promise<void>>,
  { claim, ...call }: MissingOptions & Pick<SandboxOptions, 'claim'>,
): Promise<readonly JobLayer[]> {
  const { directory } = sandbox.site;
  const wanted = jobLayers(layers);
  for (const name of wanted.flatMap(namesOf)) await claim?.(`${directory}/layers/${name}`);
  await unpackMissing(sandbox, layers, unpacking, call);
  return wanted.map(({ diffId, ...names }) => ({
    ...{ id: nameOnShelf(directory, names.id) ?? names.id, diffId, comes: false },
  }));
}

/**
 * Unpacks the layers that are not unpacked yet, each once however many RUNs ask for it.
 *
 * @param unpacking what is under way, by its name
 */
export async function unpackMissing(
  { site, job }: ChosenSandbox,
  layers: readonly StoredLayer[],
  unpacking: Map<string, Promise<void>>,
  call: MissingOptions,
): Promise<void> {
  const { directory } = site;
  const keysOf = (layer: ShelfName): readonly string[] =>
    namesOf(layer).map((name) => `${directory} ${name}`);
  const isThere = ({ id }: ShelfName): boolean => nameOnShelf(directory, id) !== undefined;
  /** Those that are not the same as over others. */
  const different = new Set<string>();
  for (;;) {
    const wanted = jobLayers(layers);
    // One that another RUN unpacks is waited for, as it may do for both; what lies below it is not.
    const awaited = wanted.find(
      (layer) => !isThere(layer) && keysOf(layer).some((key) => unpacking.has(key)),
    );
    const own = awaited === undefined ? wanted : wanted.slice(0, wanted.indexOf(awaited));
    const missing = own.filter((layer) => !isThere(layer));
    if (missing.length === 0) {
      if (awaited === undefined) return;
      await Promise.allSettled(keysOf(awaited).map((key) => unpacking.get(key)));
      call.signal?.throwIfAborted();
      continue;
    }
    const coming = missing.filter(
      ({ id, alone }) =>
        different.has(id) || alone === undefined || nameOnShelf(directory, alone) === undefined,
    );
    const streams = layers
      .filter((_, index) => coming.some((layer) => layer === own[index]))
      .map((layer) => async () => (await layer.read(call)) as AsyncIterable<Uint8Array>);
    const todo = own.map((layer) => ({ ...layer, comes: coming.includes(layer) }));
    const before = different.size;
    const work = runJob(site, { ...job, layers: todo }, { signal: call.signal, streams }).then((messages) => {
      for (const message of messages) {
        if (message.kind === 'note') call.onNote?.(message.text);
        else if (message.kind === 'differs') different.add(message.id);
      }
    });
    const keys = missing.flatMap(keysOf);
    for (const key of keys) unpacking.set(key, work);
    try {
      await work;
    } finally {
      for (const key of keys) unpacking.delete(key);
    }
    if (awaited === undefined && different.size === before) return;
  }
}
