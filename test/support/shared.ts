import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../shared/', import.meta.url));
const required = process.env.MABUILD_REQUIRE_SHARED === '1';

/** Tells whether the folder of vectors and corpora lies beside the repository. */
export function hasShared(): boolean {
  return existsSync(root);
}

/** The path of a file or folder of the shared vectors and corpora. */
export function sharedPath(...parts: string[]): string {
  return [root.replace(/\/$/, ''), ...parts].join('/');
}

/** Reads a JSON file of the shared vectors; the caller says what shape it has. */
export function sharedJson<T>(...parts: string[]): T {
  return JSON.parse(readFileSync(sharedPath(...parts), 'utf8')) as T;
}

/** A suite that needs the shared vectors: skipped, with the reason, where they are absent. */
export function sharedDescribe(title: string, suite: () => void): void {
  if (hasShared()) {
    describe(title, suite);
    return;
  }
  if (required) {
    throw new Error(`${title}: the shared vectors are absent and MABUILD_REQUIRE_SHARED=1`);
  }
  describe.skip(`${title} (skipped: no folder "shared" beside the repository)`, () => {
    it('needs the shared vectors', () => undefined);
  });
}
