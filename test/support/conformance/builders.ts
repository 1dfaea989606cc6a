import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { buildAndPush } from '../../../packages/cli/src/sdk/build/build.ts';
import { commandInRoot } from '../../../scripts/lib/newer-engine.mjs';
import { run } from '../../../scripts/lib/run.mjs';
import type { RowDetails } from './row.ts';

/** One build: a context with its Dockerfile, and the layout that is to be written. */
export interface Work {
  readonly context: string;
  readonly layout: string;
  readonly about: RowDetails;
}

/** Builds a context, or throws with what the builder says. */
export type Builder = (work: Work) => Promise<void>;

const usual = 'linux/amd64';

/** The embedded engine, in this process. @param helper the module that executes RUN */
export function embeddedBuilder(folder: string, helper: string): Builder {
  return async ({ context, layout, about }) => {
    const { buildArgs, target, labels, buildContexts, secrets = {}, platform = usual } = about;
    await buildAndPush(
      {
        ...{ context, buildArgs, target, labels, buildContexts },
        secrets: Object.fromEntries(Object.entries(secrets).map(([name, content]) => [name, { content }])),
        platforms: [platform],
        engine: 'embedded',
        output: { type: 'oci', path: layout },
        verify: false,
      },
      {
        config: {},
        sandboxHelper: pathToFileURL(helper),
        environment: {
          variables: { PATH: process.env.PATH },
          homeDirectory: folder,
          workingDirectory: folder,
          cacheDirectory: join(folder, 'cache'),
          temporaryDirectory: folder,
        },
      },
    );
  };
}

/** Docker's own client and engine, out of another Debian release. */
export function dockerBuilder(folder: string, root: string, host: string): Builder {
  return async ({ context, layout, about }) => {
    const { buildArgs = {}, target, labels = {}, buildContexts = {}, secrets = {}, platform = usual } = about;
    const variables = Object.entries(secrets).map(([name, content]) => [`SECRET_${name}`, content]);
    const pairs = (flag: string, values: Readonly<Record<string, string>>) =>
      Object.entries(values).flatMap(([name, value]) => [flag, `${name}=${value}`]);
    const [command = '', ...args] = commandInRoot(root, [
      ...['/usr/libexec/docker/cli-plugins/docker-buildx', 'build', '--builder', 'default'],
      ...['--platform', platform, '--network', 'host', '--provenance', 'false', '--progress', 'plain'],
      ...['--output', `type=oci,tar=false,dest=${layout}`],
      ...(target === undefined ? [] : ['--target', target]),
      ...pairs('--build-arg', buildArgs),
      ...pairs('--label', labels),
      ...pairs('--build-context', buildContexts),
      ...Object.keys(secrets).flatMap((name) => ['--secret', `id=${name},env=SECRET_${name}`]),
      context,
    ]);
    const env = { DOCKER_HOST: host, HOME: folder, DOCKER_CONFIG: folder };
    await run(command, args, { env: { ...env, ...Object.fromEntries(variables) } });
  };
}
