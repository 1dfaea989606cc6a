import type { VerifyReport } from '@mabuild/oci';
import { formatPlatform } from '@mabuild/oci';
import type { Paint } from './paint.ts';

/** One line an image, its problems below it, and notes when asked. */
export function formatVerify(reference: string, report: VerifyReport, paint: Paint): string {
  const lines = [`${reference}: ${report.ok ? paint.added('ok') : paint.error('not what it says')}`];
  for (const image of report.images) {
    const platform = image.platform ? formatPlatform(image.platform) : 'unknown platform';
    lines.push(`  ${platform} ${image.digest} ${image.ok ? paint.added('ok') : paint.error('failed')}`);
    for (const problem of image.problems) {
      const where = [problem.path, problem.layer && `in layer ${problem.layer}`].filter(Boolean).join(' ');
      lines.push(`    ${paint.error(problem.kind)}: ${where}${problem.found ? ` is ${problem.found}` : ''}`);
    }
    for (const note of image.notes) {
      lines.push(paint.faint(`    note: ${typeof note === 'string' ? note : JSON.stringify(note)}`));
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
      platform: image.platform ? formatPlatform(image.platform) : null,
      digest: image.digest,
      ok: image.ok,
      problems: image.problems,
      notes: image.notes,
    })),
  };
}
