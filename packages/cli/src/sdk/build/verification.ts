import { MabuildError, type VerifyProblem, type VerifyReport } from '@mabuild/oci';

/** Why an image is not published: the first lie by file and layer, and how many more there are. */
export function verificationFailed(name: string, report: VerifyReport): MabuildError {
  const problems = report.images.flatMap((image) =>
    image.problems.map((problem) => ({
      text: `${image.platform}: ${describeProblem(problem)} (${problem.kind})`,
      isDamage: problem.kind === 'missing-blob' || problem.kind === 'unverified',
    })),
  );
  const [first] = problems;
  const more = problems.length > 1 ? ` and ${problems.length - 1} more` : '';
  return new MabuildError(`${name} is not what it says: ${first?.text ?? 'a blob is missing'}${more}`, {
    code: 'VERIFICATION_FAILED',
    hint:
      first?.isDamage === false
        ? 'build that file for the platform, or publish it all the same with --no-verify'
        : 'build or pull the image again: what is missing or damaged is nowhere else',
  });
}

/** What is wrong, and where, on one line and without the image's platform. */
export function describeProblem({ kind, path, layer, found }: VerifyProblem): string {
  if (kind === 'missing-blob') return layer === undefined ? `there is ${found}` : `${layer} is not there`;
  const where = [path, layer && `in layer ${layer}`].filter(Boolean).join(' ');
  if (kind === 'unverified') return where === '' ? found : `${where}: ${found}`;
  return `${where} is ${found}`.trimStart();
}
