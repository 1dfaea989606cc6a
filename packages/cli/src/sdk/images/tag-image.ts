import { Readable } from 'node:stream';
import { formatReference, MabuildError, readDocument, withTag } from '@mabuild/oci';
import type { Published } from '../build/publish.ts';
import type { SdkOptions } from '../toolbox.ts';
import { parseImageName } from './references.ts';
import { type OpenReference, withReference } from './with-reference.ts';

export interface TagRequest {
  /** The image, by tag or digest. */
  readonly source: string;
  /** Its new tag, in the same repository. */
  readonly tag: string;
}

/**
 * Gives an image of a registry another tag; no blob moves.
 * @throws MabuildError `INVALID_REFERENCE`, `IMAGE_NOT_FOUND`, `REGISTRY_…`
 */
export async function tagImage(request: TagRequest, options: SdkOptions = {}): Promise<Published> {
  const retag = async ({ reference, source, registry }: OpenReference): Promise<Published> => {
    const tagged = withTag(reference, request.tag);
    const bytes = await readDocument(source, source.root, options);
    await registry.sink(tagged).tag(request.tag, source.root, {
      open: async () => Readable.from([bytes], { objectMode: false }),
      signal: options.signal,
    });
    return { reference: formatReference(tagged), digest: source.root.digest };
  };
  checkTag(request);
  return withReference(request.source, { ...options, pastMirrors: true }, retag);
}

/** Asked wrongly is said before anybody else is asked. */
function checkTag({ source, tag }: TagRequest): void {
  const { registry, repository } = parseImageName(source);
  if (/[/:@]/.test(tag)) {
    throw new MabuildError(`${JSON.stringify(tag)} is no tag: it stays in ${registry}/${repository}`, {
      code: 'INVALID_REFERENCE',
      hint: 'write the tag alone; `mabuild copy` writes to other repositories',
    });
  }
  withTag({ registry, repository }, tag);
}
