import { type CallOptions, formatReference, parseReference } from '@mabuild/oci';
import { type ResolvedBase, resolveBases } from '../../bases/resolve-bases.ts';
import type { Base } from '../../dockerfile/base.ts';
import { type ImageUse, imageUses } from '../../dockerfile/image-uses.ts';
import { locate } from '../../dockerfile/location.ts';
import type { Dockerfile, Instruction } from '../../dockerfile/model.ts';
import { imageState } from './first-state.ts';
import type { SolveWorld } from './solve-world.ts';
import type { StageState } from './state.ts';

/** The images that a build takes from outside, each asked for once. */
export function outsideImages(
  dockerfile: Dockerfile,
  target: Parameters<typeof imageUses>[1],
  world: SolveWorld,
  options: CallOptions,
): { state(base: Base, instruction: Instruction): Promise<StageState> } {
  const uses = imageUses(dockerfile, target);
  const known = new Map<ImageUse | string, Promise<StageState>>();
  const ask = async (wanted: Pick<ImageUse, 'reference' | 'platform' | 'kind'>, instruction: Instruction) => {
    const location = locate(dockerfile, instruction.range);
    const [base] = await resolveBases(
      [{ reference: wanted.reference, platform: wanted.platform, use: wanted.kind, location }],
      { resolver: world.resolver, signal: options.signal },
    );
    return imageState(base as ResolvedBase, (layer) => world.scanner.entries(layer, options));
  };
  return {
    async state(base, instruction) {
      if (base.kind !== 'image') throw new TypeError('only images are asked for');
      const use = uses.find((item) => item.instruction === instruction && item.base.name === base.name) ?? {
        kind: 'copy' as const,
        reference: parseReference(base.name),
        platform: target.platform,
      };
      const key = `${formatReference(use.reference)} ${JSON.stringify(use.platform)}`;
      const state = known.get(key) ?? ask(use, instruction);
      known.set(key, state);
      return await state;
    },
  };
}
