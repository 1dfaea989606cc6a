import type { BuildResult } from '../sdk/build/build-request.ts';
import { writeWhole } from '../write-whole.ts';

/** `NAME@sha256:…` a tag, the digest alone when quiet, or the JSON document of docs/cli.md. */
export function formatBuild(
  result: BuildResult,
  options: { readonly format: 'text' | 'json'; readonly quiet: boolean },
): string {
  if (options.format === 'json') return `${JSON.stringify(buildDocument(result))}\n`;
  if (options.quiet || result.references.length === 0) return `${result.digest}\n`;
  return result.references.map(({ reference, digest }) => `${reference}@${digest}\n`).join('');
}

/** The document of `build --format json`. */
export function buildDocument(result: BuildResult): object {
  return {
    version: 1,
    reference: result.reference ?? null,
    digest: result.digest,
    images: result.images,
    ...(result.references.length > 0 ? { references: result.references } : {}),
  };
}

/** Writes `--iidfile` and `--metadata-file`, each whole or not at all. */
export async function writeBuildFiles(
  result: BuildResult,
  files: { readonly iidfile?: string | undefined; readonly metadataFile?: string | undefined },
): Promise<void> {
  if (files.iidfile !== undefined) await writeWhole(files.iidfile, result.digest);
  if (files.metadataFile !== undefined) {
    const document = {
      ...buildDocument(result),
      'containerimage.digest': result.digest,
      ...(result.references.length > 0
        ? { 'image.name': result.references.map((entry) => entry.reference).join(',') }
        : {}),
    };
    await writeWhole(files.metadataFile, `${JSON.stringify(document, null, 2)}\n`);
  }
}
