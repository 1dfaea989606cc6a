import { type ImageReference, MabuildError, parseReference } from '@mabuild/oci';

/**
 * Reads what must be an image of a registry: `oci:DIR` and the like would be read as images of Docker Hub.
 * @throws MabuildError `INVALID_REFERENCE`
 */
export function parseImageName(text: string): ImageReference {
  const [, place] = /^(oci|oci-archive|docker-archive):/.exec(text) ?? [];
  if (place === undefined) return parseReference(text);
  throw new MabuildError(
    `${JSON.stringify(text)} is a place on this machine; an image of a registry is asked for`,
    {
      code: 'INVALID_REFERENCE',
      hint: 'write [registry/]repository[:tag][@digest]; `mabuild copy`, `mabuild inspect` and `mabuild verify` take places too',
    },
  );
}

/**
 * Reads the name of a repository, which has neither tag nor digest.
 * @throws MabuildError `INVALID_REFERENCE`
 */
export function parseRepository(text: string): ImageReference {
  const { registry, repository, digest } = parseImageName(text);
  if (digest === undefined && text.lastIndexOf(':') <= text.lastIndexOf('/')) return { registry, repository };
  throw new MabuildError(`${JSON.stringify(text)} names one image; a repository is asked for`, {
    code: 'INVALID_REFERENCE',
    hint: `leave out the ${digest === undefined ? 'tag' : 'part from @ on'}, e.g. localhost:5000/app`,
  });
}

/**
 * Reads the host of a registry, as references spell it.
 * @throws MabuildError `INVALID_REFERENCE`
 */
export function parseRegistry(text: string): string {
  const { registry, repository } = readHost(text) ?? {};
  if (registry !== undefined && (repository === 'x' || repository === 'library/x')) return registry;
  throw new MabuildError(`${JSON.stringify(text)} is no registry`, {
    code: 'INVALID_REFERENCE',
    hint: 'write HOST or HOST:PORT, e.g. localhost:5000; Docker Hub is docker.io',
  });
}

/** A host is what a reference could begin with. */
function readHost(text: string): ImageReference | undefined {
  try {
    return parseReference(`${text}/x`);
  } catch {
    return undefined;
  }
}
