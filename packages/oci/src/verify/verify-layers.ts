import type { Descriptor } from '../descriptor.ts';
import type { CallOptions, ImageSource } from '../image-source.ts';
import { isForeignLayerType } from '../media-type.ts';
import { attempt, isProblem } from './content-problem.ts';
import { isLayerFacts, type LayerFacts } from './layer-facts.ts';
import { scanLayer } from './scan-layer.ts';
import type { JudgedLayer } from './trial.ts';
import type { VerifyProblem } from './verdict.ts';
import type { VerifyRun } from './verify-run.ts';

/** What was noted of layers before, so that none is read twice. */
export interface RememberedLayers {
  get(digest: string): Promise<LayerFacts | undefined>;
  set(digest: string, facts: LayerFacts): Promise<void>;
}

/** What scanning needs of a verification. */
export interface LayerReader {
  readonly source: ImageSource;
  readonly options: CallOptions & {
    readonly remembered?: RememberedLayers | undefined;
    readonly find?: ((layer: Descriptor) => Promise<unknown>) | undefined;
  };
  readonly shared: VerifyRun;
}

/**
 * Looks through layers, side by side; those that are not read are looked for. Foreign layers are elsewhere on purpose: they
 * count as the base's.
 */
export async function scanLayers(
  run: LayerReader,
  descriptors: readonly Descriptor[],
  base: ReadonlySet<string>,
  isRead: (layer: Descriptor) => boolean,
): Promise<{ readonly layers: readonly JudgedLayer[]; readonly problems: readonly VerifyProblem[] }> {
  const problems: VerifyProblem[] = [];
  const layers = await Promise.all(
    descriptors.map(async (layer): Promise<JudgedLayer> => {
      const { digest } = layer;
      if (isForeignLayerType(layer.mediaType)) return { digest, base: true };
      const judged = { digest, base: base.has(digest) };
      const found = isRead(layer)
        ? await run.shared.layer(digest, () => run.shared.limited(() => scanOrRemember(run, layer)))
        : await run.shared.once(`layer ${digest}`, () => run.shared.limited(() => findLayer(run, layer)));
      if (isProblem(found)) problems.push(found);
      return isLayerFacts(found) ? { ...judged, facts: found } : judged;
    }),
  );
  return { layers, problems };
}

async function findLayer({ options }: LayerReader, layer: Descriptor): Promise<object> {
  return attempt(layer, async () => {
    await options.find?.(layer);
    return {};
  });
}

async function scanOrRemember(run: LayerReader, descriptor: Descriptor): Promise<LayerFacts | VerifyProblem> {
  const { remembered } = run.options;
  const known = await remembered?.get(descriptor.digest);
  if (isLayerFacts(known)) {
    return known;
  }
  const facts = await attempt(descriptor, async () => {
    const body = await run.source.read(descriptor, { signal: run.options.signal });
    return scanLayer(body, { signal: run.options.signal });
  });
  if (!isProblem(facts) && facts.unreadable === undefined) {
    await remembered?.set(descriptor.digest, facts);
  }
  return facts;
}
