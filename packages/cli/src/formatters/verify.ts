import type { VerifyReport } from '@mabuild/oci';
import type { Paint } from './paint.ts';

/** One line an image, its problems below it, and notes when asked. */
export function formatVerify(reference: string, report: VerifyReport, paint: Paint): string {
  const lines = [`${reference}: ${report.ok ? paint.added('ok') : paint.error('not what it says')}`];
  for (const image of report.images) {
    lines.push(`  ${image.platform} ${image.digest} ${image.ok ? paint.added('ok') : paint.error('failed')}`);
    for (const problem of image.problems) {
      const what = [
        problem.path,
        problem.layer && `in layer ${problem.layer}`,
        problem.found && `is ${problem.found}`,
      ];
      lines.push(`    ${paint.error(problem.kind)}: ${what.filter(Boolean).join(' ')}`);
    }
    for (const note of image.notes) {
      const what = [note.path, note.found, note.why, note.count && `${note.count} files`]
        .filter(Boolean)
        .join(', ');
      lines.push(paint.faint(`    note: ${note.kind}: ${what}`));
    }
  }
  return `${lines.join('\n')}\n`;
}

/** The document of `verify --format json`, as docs/cli.md has it. */
export function verifyDocument(reference: string, report: VerifyReport): object {
  return {
    version: 1,
    reference,
    ok: report.ok,
    images: report.images.map((image) => ({
      platform: image.platform,
      digest: image.digest,
      ok: image.ok,
      problems: image.problems,
      notes: image.notes,
    })),
  };
}
