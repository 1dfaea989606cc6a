import {
  type CallOptions,
  formatReference,
  type ImageReference,
  type ImageResolver,
  type ImageSource,
} from '@mabuild/oci';

/** Asks for each name once, and for none by a digest that a name was seen to stand for; as long as it lives. */
export function rememberingResolver(resolver: ImageResolver): ImageResolver {
  const known = new Map<string, Promise<ImageSource>>();
  return {
    async resolve(reference: ImageReference, options?: CallOptions): Promise<ImageSource> {
      const key = keyOf(reference);
      const same = known.get(key);
      if (same) return await same;
      const asked = resolver.resolve(reference, options);
      known.set(key, asked);
      try {
        const source = await asked;
        known.set(keyOf({ ...reference, digest: source.root.digest }), asked);
        return source;
      } catch (error) {
        known.delete(key);
        throw error;
      }
    },
  };
}

/** With a digest a tag says nothing more. */
function keyOf(reference: ImageReference): string {
  const { tag: _, ...named } = reference;
  return formatReference(reference.digest === undefined ? reference : named);
}
