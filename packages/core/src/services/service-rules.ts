import type { Rule } from '../rules/rule.ts';

const summaries: readonly (readonly [string, string])[] = [
  ['compose-platform-x86', 'A service of a compose file is fixed to x86.'],
  ['compose-image-lacks-platform', 'The image of a service has nothing for a platform.'],
  ['compose-build-lacks-platform', "A service's build.platforms leaves a platform out."],
  ['bake-target-lacks-platform', "A bake target's platforms leave a platform out."],
  ['bake-not-evaluated', 'A bake target needs an expression that is not evaluated.'],
  ['locked-package-lacks-platform', 'A locked package has no build for a platform.'],
  ['locked-package-compiles', 'A locked package is compiled on a platform, because it has no build for it.'],
  ['lockfile-lacks-platform', 'A lock file leaves out what a package has for a platform.'],
];

/** What is found in other files than Dockerfiles: names to ignore, to rate and to look up. */
export const serviceRules: readonly Rule[] = summaries.map(([name, summary]) => ({
  name,
  summary,
  check: async () => [],
}));
