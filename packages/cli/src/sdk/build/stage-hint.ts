import { nearestName, parseDockerfile } from '@mabuild/core';
import { isMabuildError, MabuildError } from '@mabuild/oci';

/** What a registry says of an image that is none. */
const missing: ReadonlySet<string> = new Set([
  'BASE_NOT_FOUND',
  'REGISTRY_DENIED',
  'REGISTRY_UNAUTHORIZED',
  'REGISTRY_UNREACHABLE',
]);

/** The same error, and the stage that may be meant where a name that looks like one's was taken for an image's. */
export function withStageHint(error: unknown, dockerfile: string): unknown {
  if (!isMabuildError(error) || !missing.has(error.code)) return error;
  const { location } = error;
  const { lineText = '', column = 1, endColumn } = location ?? {};
  const name = lineText.slice(column - 1, endColumn === undefined ? undefined : endColumn - 1);
  if (!/^[\w.-]+$/.test(name)) return error;
  const stages = parseDockerfile(dockerfile).stages.flatMap((stage) => stage.name ?? []);
  const near = nearestName(name.toLowerCase(), stages);
  const isSource = /--from=|\bfrom=/.test(lineText);
  if (stages.length === 0 || (near === undefined && !isSource)) return error;
  const said =
    near === undefined
      ? `no stage is called ${name}, they are ${stages.join(', ')}, so it is taken for an image`
      : `did you mean the stage ${near}?`;
  return new MabuildError(error.message, {
    code: error.code,
    hint: error.hint === undefined ? said : `${said}; if it is an image: ${error.hint}`,
    location,
    cause: error,
  });
}
