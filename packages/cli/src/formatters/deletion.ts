import type { DeleteResult } from '../sdk/images/delete-image.ts';

/** What a deletion took along, and what it left. */
export function deletionWarnings(result: DeleteResult): readonly string[] {
  const { deleted, tags, children, digest } = result;
  const lines: string[] = [];
  const wasManifest = deleted.includes('@');
  if (wasManifest && tags === undefined) {
    lines.push(`whatever tags ${digest} had went with it; the registry did not tell which`);
  } else if (wasManifest && tags !== undefined && tags.length > 0) {
    lines.push(`${tags.length === 1 ? 'the tag' : `${tags.length} tags`} of it went too: ${tags.join(', ')}`);
  }
  if (children > 0) {
    const what = `${children} ${children === 1 ? 'manifest' : 'manifests'}`;
    lines.push(
      wasManifest
        ? `the index named ${what}, which stay in the repository`
        : `${digest} is an index; it and the ${what} that it names stay in the repository`,
    );
  }
  return lines;
}

/** The document of `delete --format json`, as docs/cli.md has it. */
export function deletedDocument({ deleted, digest, tags, children }: DeleteResult): object {
  return { version: 1, deleted, digest, tags: tags ?? null, children };
}
