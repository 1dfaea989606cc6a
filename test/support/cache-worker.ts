/** A process that builds over a cache, or deletes from it until its input ends. */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { isMabuildError } from '@mabuild/oci';
import { buildAndPush } from '../../packages/cli/src/sdk/build/build.ts';
import { pruneCache } from '../../packages/cli/src/sdk/cache/prune-cache.ts';
import type { SdkOptions } from '../../packages/cli/src/sdk/toolbox.ts';

const [work = '', task, name = '', count = '0'] = process.argv.slice(2);
const options: SdkOptions = {
  config: {},
  sandboxHelper: pathToFileURL(join(work, 'packages-cli-src-sandbox-helper.mjs')),
  environment: {
    variables: { PATH: process.env.PATH },
    homeDirectory: work,
    workingDirectory: work,
    cacheDirectory: join(work, 'cache'),
    temporaryDirectory: work,
  },
};

if (task === 'build') {
  for (let number = 0; number < Number(count); number += 1) {
    await buildAndPush(
      {
        ...{ context: 'context', platforms: ['linux/amd64'], engine: 'embedded', verify: false },
        output: { type: 'oci', path: join(work, `${name}-${number}`) },
      },
      options,
    );
    process.stdout.write('built\n');
  }
} else {
  let ends = false;
  process.stdin.resume().once('end', () => {
    ends = true;
  });
  let rounds = 0;
  let removed = 0;
  while (!ends) {
    const pruned = await pruneCache({ all: true }, options).catch((error: unknown) => {
      throw isMabuildError(error) ? new Error(`${error.code}: ${error.message}`) : error;
    });
    if (pruned.problems.length > 0) throw new Error(pruned.problems.join('\n'));
    removed += pruned.removed.reduce((sum, { items }) => sum + items, 0);
    rounds += 1;
  }
  process.stdout.write(JSON.stringify({ rounds, removed }));
}
