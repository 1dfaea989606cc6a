import type { VerifiedImage, VerifyReport } from '@mabuild/oci';
import { describeProblem } from '../sdk/build/verification.ts';
import type { RepositoryReport, VerifiedTag } from '../sdk/images/verify-repository.ts';
import type { Paint } from '../text/paint.ts';
import { visible } from '../text/visible.ts';

/** One line an image, its problems and notes below it. */
export function formatVerify(reference: string, report: VerifyReport, paint: Paint): string {
  const lines = [`${reference}: ${verdict(report.ok, paint)}`, ...imageLines(report.images, paint)];
  return `${lines.join('\n')}\n`;
}

/** One line a manifest with all its tags; images, problems and notes below those that lie. */
export function formatRepository(report: RepositoryReport, paint: Paint): string {
  const lying = report.tags.filter(({ ok }) => !ok).length;
  const count = `${report.tags.length} ${report.tags.length === 1 ? 'tag' : 'tags'}`;
  const sum =
    lying === 0 ? paint.added(`${count} ok`) : paint.error(`${lying} of ${count} not what they say`);
  const lines = [`${report.repository}: ${sum}`];
  for (const [first, ...others] of byManifest(report)) {
    if (first === undefined) continue;
    const names = [first, ...others].map(({ tag }) => tag).join(', ');
    const kinds = first.images.map(({ artifact, platform }) => (artifact ? 'no image' : platform)).join(', ');
    lines.push(
      `${visible(names)}: ${verdict(first.ok, paint)}${first.ok ? ` (${visible(kinds) || 'empty'})` : ''}`,
    );
    if (!first.ok) lines.push(...imageLines(first.images, paint));
  }
  return `${lines.join('\n')}\n`;
}

function verdict(ok: boolean, paint: Paint): string {
  return ok ? paint.added('ok') : paint.error('not what it says');
}

function imageLines(images: readonly VerifiedImage[], paint: Paint): readonly string[] {
  const lines: string[] = [];
  for (const image of images) {
    const said = image.ok ? paint.added('ok') : paint.error('failed');
    const platform = image.platform && visible(image.platform);
    lines.push(['  ', [platform, image.digest, said].filter(Boolean).join(' ')].join(''));
    for (const problem of image.problems) {
      lines.push(`    ${paint.error(problem.kind)}: ${oneLine(describeProblem(problem))}`);
    }
    for (const note of image.notes) {
      const what = [note.path, note.found, note.why, note.count && `${note.count} files`]
        .filter(Boolean)
        .join(', ');
      lines.push(paint.faint(`    note: ${note.kind}: ${oneLine(what)}`));
    }
  }
  return lines;
}

/** Paths in layers may hold anything, the end of a line too. */
function oneLine(text: string): string {
  return visible(text).replaceAll('\n', '\u240a');
}

/** Tags of the same manifest together, in the order of the first of them. */
function byManifest({ tags }: RepositoryReport): Iterable<readonly VerifiedTag[]> {
  const groups = new Map<string, VerifiedTag[]>();
  for (const tag of tags) {
    const key = tag.digest === '' ? tag.tag : tag.digest;
    groups.set(key, [...(groups.get(key) ?? []), tag]);
  }
  return groups.values();
}

/** The document of `verify --all-tags --format json`, as docs/cli.md has it. */
export function repositoryDocument(report: RepositoryReport): object {
  return {
    version: 1,
    repository: report.repository,
    ok: report.ok,
    tags: report.tags.map(({ tag, digest, ok }) => ({ tag, digest, ok })),
    manifests: [...byManifest(report)].map((tags) => ({
      digest: tags[0]?.digest,
      tags: tags.map(({ tag }) => tag),
      ok: tags[0]?.ok,
      images: tags[0]?.images,
    })),
  };
}

/** The document of `verify --format json`, as docs/cli.md has it. */
export function verifyDocument(reference: string, report: VerifyReport): object {
  return {
    version: 1,
    reference,
    ok: report.ok,
    images: report.images,
  };
}
