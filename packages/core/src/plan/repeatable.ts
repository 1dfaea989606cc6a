import type { ResolvedBase } from '../bases/resolve-bases.ts';
import { type BuildTarget, imageUses } from '../dockerfile/image-uses.ts';
import { parseDockerfile } from '../dockerfile/parse.ts';
import { syntaxImage } from '../transforms/index.ts';

/** An ADD that fetches, or may, for all that can be seen without expanding it. */
const fetching = /\bADD\b[^\n]*(:\/\/|git@|\$)/i;

/**
 * Says whether a build takes nothing from outside but what its Dockerfile names by digest: then the same text over the same
 * context gives the same image from an engine's cache.
 *
 * @param text the Dockerfile as the engine gets it
 * @param bases what it stands on; their triggers are text that is not seen here
 */
export function isRepeatable(text: string, target: BuildTarget, bases: readonly ResolvedBase[]): boolean {
  const dockerfile = parseDockerfile(text);
  return (
    syntaxImage(dockerfile) === undefined &&
    bases.every(({ config }) => (config.config?.OnBuild ?? []).length === 0) &&
    imageUses(dockerfile, target).every(({ reference }) => reference.digest !== undefined) &&
    !dockerfile.instructions.some(
      ({ keyword, logical }) => ['ADD', 'ONBUILD'].includes(keyword) && fetching.test(logical.text),
    )
  );
}
