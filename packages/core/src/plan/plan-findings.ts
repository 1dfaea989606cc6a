import {
  familiarReference,
  formatPlatform,
  isMabuildError,
  MabuildError,
  parseReference,
} from '@mabuild/oci';
import type { ResolvedBase } from '../bases/resolve-bases.ts';
import { checkDockerfile } from '../check.ts';
import { locate } from '../dockerfile/location.ts';
import type { Dockerfile, Range } from '../dockerfile/model.ts';
import type { Builder } from '../engines/engine.ts';
import type { Finding } from '../rules/rule.ts';
import { syntaxImage } from '../transforms/index.ts';
import type { PlanRequest, PlanWorld } from './plan-request.ts';

const nowhere: Range = { start: 0, end: 0 };

/** What the rules say besides what asking the registry settles: nobody reads a warning of what was refused already. */
export async function advice(dockerfile: Dockerfile, request: PlanRequest): Promise<readonly Finding[]> {
  const platforms = request.platforms.filter(({ architecture }) => architecture !== 'amd64');
  if (platforms.length === 0) return [];
  return checkDockerfile(dockerfile, {
    platforms,
    buildArgs: request.buildArgs,
    ignore: ['base-image-lacks-platform', 'copy-from-image-lacks-platform', 'third-party-base-unknown'],
  });
}

/**
 * Asks whether the frontend that `# syntax=` names can be fetched.
 * @returns nothing when it can, or when none is named
 */
export async function syntaxFinding(
  dockerfile: Dockerfile,
  request: PlanRequest,
  world: PlanWorld,
): Promise<Finding | undefined> {
  const image = syntaxImage(dockerfile);
  if (image === undefined) return undefined;
  try {
    await world.resolver.resolve(parseReference(image), { signal: world.signal });
    return undefined;
  } catch (error) {
    world.signal?.throwIfAborted();
    if (!isMabuildError(error)) throw error;
    return {
      rule: 'syntax-unreachable',
      severity: 'warning',
      platforms: request.platforms,
      message: `the frontend ${image} cannot be fetched; the engine's own is used`,
      range: dockerfile.directives.find(({ name }) => name === 'syntax')?.range ?? nowhere,
      fix: 'none',
      edits: [],
    };
  }
}

/** Dockerfile's own frontends, whose language the embedded engine reads itself. */
const ownFrontends: ReadonlySet<string> = new Set(['docker/dockerfile', 'docker/dockerfile-upstream']);

/**
 * Refuses another language than Dockerfile's: only BuildKit can run the frontend for it.
 * @throws MabuildError `NEEDS_BUILDKIT`
 */
export function refuseFrontend(dockerfile: Dockerfile): void {
  const image = syntaxImage(dockerfile);
  if (image === undefined) return;
  const { registry, repository } = parseReference(image);
  if (registry === 'docker.io' && ownFrontends.has(repository)) return;
  const range = dockerfile.directives.find(({ name }) => name === 'syntax')?.range ?? nowhere;
  throw new MabuildError(`the embedded engine cannot run the frontend ${image}`, {
    code: 'NEEDS_BUILDKIT',
    hint: 'build with --engine buildkit, or take the syntax line out where the file is a plain Dockerfile',
    location: locate(dockerfile, range),
  });
}

/**
 * Refuses folders as further build contexts where the builder gets one context only.
 * @throws MabuildError `NEEDS_EMBEDDED`
 */
export function refuseFolders({ folders = {} }: PlanRequest, builder: Builder): void {
  const [name] = Object.keys(folders);
  if (name === undefined) return;
  throw new MabuildError(
    `the ${builder} builder is given one build context only, and not the folder ${name}`,
    {
      code: 'NEEDS_EMBEDDED',
      hint: 'build with --engine embedded, or copy that folder into the build context',
    },
  );
}

/** A lower variant of the same architecture was taken. */
export function substituteFinding(base: ResolvedBase, dockerfile: Dockerfile): Finding {
  const wanted = formatPlatform(base.platform);
  const found = formatPlatform(base.substitute ?? base.platform);
  const { line } = base.location;
  return {
    rule: 'base-image-substitute',
    severity: 'warning',
    platforms: [base.platform],
    message: `${familiarReference(base.reference)} has no image for ${wanted}; its ${found} image, which runs there, is taken`,
    range: dockerfile.instructions.find(({ startLine }) => startLine === line)?.range ?? nowhere,
    fix: 'none',
    edits: [],
  };
}
