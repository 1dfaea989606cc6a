import { MabuildError, type VerifyReport } from '@mabuild/oci';

/** Why an image is not published: the first lie by file and layer, and how many more there are. */
export function verificationFailed(name: string, report: VerifyReport): MabuildError {
  const problems = report.images.flatMap((image) =>
    image.problems.map((problem) => {
      const where = [problem.path, problem.layer && `in layer ${problem.layer}`].filter(Boolean).join(' ');
      return `${image.platform}: ${where} ${problem.found ? `is ${problem.found}` : problem.kind} (${problem.kind})`;
    }),
  );
  const more = problems.length > 1 ? ` and ${problems.length - 1} more` : '';
  return new MabuildError(`${name} is not what it says: ${problems[0] ?? 'a blob is missing'}${more}`, {
    code: 'VERIFICATION_FAILED',
    hint: 'build that file for the platform, or publish it all the same with --no-verify',
  });
}
