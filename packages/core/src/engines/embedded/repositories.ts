import type { CallOptions } from '@mabuild/oci';
import { openGitContext } from '../../context/git-context.ts';
import type { FileSource } from './file-source.ts';
import { contextTree } from './layers/context-tree.ts';

export interface RepositoryOptions extends CallOptions {
  /** Keep `.git`. */
  readonly keepGitDirectory: boolean;
}

/** Checks each repository out once; the folders are deleted with the temporary folder. */
export function createRepositories(
  temporaryDirectory: string,
  variables: Readonly<Record<string, string | undefined>>,
): (url: string, options: RepositoryOptions) => Promise<FileSource> {
  const known = new Map<string, Promise<FileSource>>();
  const checkOut = async (url: string, options: RepositoryOptions): Promise<FileSource> => {
    const { context } = await openGitContext(url, {
      ...{ temporaryDirectory, variables, dockerfile: 'Dockerfile', ignores: false },
      ...options,
    });
    const tree = contextTree(context, [], options);
    return { tree: () => tree };
  };
  return (url, options) => {
    const key = `${options.keepGitDirectory} ${url}`;
    const found = known.get(key) ?? checkOut(url, options);
    known.set(key, found);
    found.catch(() => known.delete(key));
    return found;
  };
}
