import type { IndexResult } from '../sdk/indexes/index-result.ts';

/** `NAME@sha256:…` a tag, or the JSON document of docs/cli.md; of what was not written, the index itself. */
export function formatIndexResult(
  result: IndexResult,
  options: { readonly format: 'text' | 'json'; readonly dryRun?: boolean | undefined },
): string {
  const { references, digest, mediaType, images, attestations, index } = result;
  if (options.format === 'json') {
    const document = {
      version: 1,
      ...(options.dryRun ? {} : { reference: references[0]?.reference ?? null }),
      digest,
      mediaType,
      images,
      attestations,
      ...(options.dryRun ? { index } : { references }),
    };
    return `${JSON.stringify(document, null, 2)}\n`;
  }
  if (options.dryRun) return `${JSON.stringify(index, null, 2)}\n`;
  return references.map((one) => `${one.reference}@${one.digest}\n`).join('');
}
