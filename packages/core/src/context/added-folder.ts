/**
 * The folder of the build context that holds what a build adds to it: emulators, bodies of heredocs.
 *
 * `COPY . .` takes it along; what lies in it is filtered out of the result by this name, so no folder of a user's may be
 * called so.
 */
export const addedFolder: string = '.mabuild-added';
