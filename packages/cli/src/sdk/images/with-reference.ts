import type { ImageReference, ImageSource } from '@mabuild/oci';
import type { RegistryClient, ResolveOptions } from '@mabuild/registry';
import { type SdkOptions, withToolbox } from '../toolbox.ts';
import { parseImageName } from './references.ts';

/** What a reference names, opened. */
export interface OpenReference {
  readonly reference: ImageReference;
  readonly source: ImageSource;
  readonly registry: RegistryClient;
}

/** Lends a client for registries, with the mirrors and the credentials of the options. */
export function withRegistry<T>(
  options: SdkOptions,
  use: (registry: RegistryClient) => Promise<T>,
): Promise<T> {
  return withToolbox(options, async (toolbox) => use(await toolbox.registry()));
}

/**
 * Finds what a reference names, with the mirrors and the credentials of the options, and lends it.
 * @see ResolveOptions.pastMirrors
 */
export async function withReference<T>(
  text: string,
  options: SdkOptions & ResolveOptions,
  use: (open: OpenReference) => Promise<T>,
): Promise<T> {
  const reference = parseImageName(text);
  return withRegistry(options, async (registry) =>
    use({ reference, source: await registry.resolve(reference, options), registry }),
  );
}
