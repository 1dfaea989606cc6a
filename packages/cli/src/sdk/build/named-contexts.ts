import { resolve } from 'node:path';
import { type BuildContext, type NamedContext, openFolderContext } from '@mabuild/core';
import { type CallOptions, isMabuildError, MabuildError, parseReference } from '@mabuild/oci';

/** What `--build-context` names, opened. */
export interface NamedContexts {
  readonly contexts: Readonly<Record<string, NamedContext>>;
  readonly folders: Readonly<Record<string, BuildContext>>;
}

const imageScheme = 'docker-image://';

/**
 * Opens further build contexts: folders, and images under another name.
 * @throws MabuildError `USAGE` for other kinds, `CONTEXT_NOT_FOUND`, `INVALID_REFERENCE`
 */
export async function openNamedContexts(
  given: Readonly<Record<string, string>>,
  options: CallOptions & { readonly workingDirectory: string },
): Promise<NamedContexts> {
  const contexts: Record<string, NamedContext> = {};
  const folders: Record<string, BuildContext> = {};
  for (const [name, place] of Object.entries(given)) {
    if (place.startsWith(imageScheme)) {
      contexts[name] = { kind: 'image', reference: parseReference(place.slice(imageScheme.length)) };
      continue;
    }
    if (/^[a-z][a-z+-]*:\/\//i.test(place) || place === '') {
      throw new MabuildError(`the build context ${name} is neither a folder nor an image: ${place}`, {
        code: 'USAGE',
        hint: `write ${name}=FOLDER or ${name}=${imageScheme}IMAGE`,
      });
    }
    contexts[name] = { kind: 'folder' };
    const { signal, workingDirectory } = options;
    try {
      folders[name] = await openFolderContext(resolve(workingDirectory, place), { signal });
    } catch (error) {
      if (!isMabuildError(error)) throw error;
      const { code, message, cause } = error;
      throw new MabuildError(`--build-context ${name}: ${message}`, {
        code,
        hint: `write ${name}=FOLDER or ${name}=${imageScheme}IMAGE`,
        cause,
      });
    }
  }
  return { contexts, folders };
}
