import type { MigrateReport } from '../sdk/check/migrate.ts';
import type { ProofStep } from '../sdk/check/prove.ts';
import type { Paint } from '../text/paint.ts';

/** A unified diff of everything that changes, in colour on a terminal. */
export function formatMigration(report: MigrateReport, paint: Paint): string {
  return report.files
    .filter((file) => file.changed)
    .map((file) =>
      file.diff
        .split('\n')
        .map((line) => paintLine(line, paint))
        .join('\n'),
    )
    .join('');
}

function paintLine(line: string, paint: Paint): string {
  if (line.startsWith('+++') || line.startsWith('---')) return paint.strong(line);
  if (line.startsWith('+')) return paint.added(line);
  if (line.startsWith('-')) return paint.removed(line);
  return line;
}

/** The document of `migrate --format json`. */
export function migrationDocument(report: MigrateReport, proof?: readonly ProofStep[]): object {
  return {
    version: 1,
    files: report.files.map(({ path, source, platform, changed, written, after }) => ({
      path,
      source,
      platform: platform ?? null,
      changed,
      written,
      text: after,
    })),
    unfixed: report.unfixed,
    ...(proof ? { proof } : {}),
  };
}

/** A line for each build of a proof. */
export function formatProof(steps: readonly ProofStep[]): string {
  return steps
    .map(({ text, platform, ok, seconds, code, message }) => {
      const what = `${text} ${platform}`;
      const took = `${seconds.toFixed(1)} s`;
      return ok
        ? `proved: ${what} builds and is for its platform (${took})\n`
        : `failed: ${what}: ${message} (${code}, ${took})\n`;
    })
    .join('');
}
