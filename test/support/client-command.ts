import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as tick } from 'node:timers/promises';
import type { Credential, Descriptor, ImageReference } from '@mabuild/oci';
import { copyImage, formatReference, mediaTypes } from '@mabuild/oci';
import type { RegistryOptions } from '@mabuild/registry';
import { expect } from 'chai';
import { runProgram } from '../../packages/cli/src/program.ts';
import type { ClientWorld } from './client-suite.ts';
import type { MemoryImage } from './image.ts';
import { make, realIndex } from './interop.ts';
import { fakeIo } from './io.ts';

export interface CommandAnswer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The command, as somebody runs it who may do everything at a registry. */
export interface CommandWorld extends ClientWorld {
  readonly directory: string;
  run(...argv: readonly string[]): Promise<CommandAnswer>;
  /** Runs it with other variables, and something on standard input. */
  runWith(
    given: { readonly environment?: Readonly<Record<string, string>>; readonly input?: string },
    ...argv: readonly string[]
  ): Promise<CommandAnswer>;
  /** Runs what must succeed. @returns standard output without its last line end. */
  ok(...argv: readonly string[]): Promise<string>;
  /** Runs what must succeed, with `--format json`. */
  json(...argv: readonly string[]): Promise<Record<string, unknown>>;
  /** Runs what must fail with an exit code and an error code. */
  fails(code: number, error: string, ...argv: readonly string[]): Promise<CommandAnswer>;
  /** Writes an index of linux/amd64, linux/arm64 and linux/arm/v7. */
  published(...tags: readonly string[]): Promise<Published>;
}

export interface Published {
  readonly image: MemoryImage;
  /** `HOST/REPOSITORY`. */
  readonly name: string;
  readonly place: ImageReference;
  /** The manifests of the index. */
  readonly entries: readonly Descriptor[];
}

/** Makes a case of the client suite of one that runs the command. */
export function withCommand(
  use: (world: CommandWorld) => Promise<void>,
): (world: ClientWorld) => Promise<void> {
  return async (world) => {
    const directory = await mkdtemp(join(tmpdir(), 'mabuild-command-'));
    try {
      const environment = {
        HOME: directory,
        TMPDIR: directory,
        MABUILD_CACHE: join(directory, 'cache'),
        DOCKER_AUTH_CONFIG: await authConfig(world),
      };
      await writeConfig(directory, world.options.tls ?? {});
      const runWith: CommandWorld['runWith'] = async (given, ...argv) => {
        const { environment: more, input = '' } = given;
        const outside = fakeIo({
          workingDirectory: directory,
          environment: { ...environment, ...more },
          input,
        });
        const code = await runProgram(outside.io, argv);
        await tick();
        return { code, stdout: outside.stdout(), stderr: outside.stderr() };
      };
      const run = (...argv: readonly string[]): Promise<CommandAnswer> => runWith({}, ...argv);
      const ok = async (...argv: readonly string[]): Promise<string> => {
        const { code, stdout, stderr } = await run(...argv);
        expect(code, `${argv.join(' ')}\n${stdout}${stderr}`).to.equal(0);
        return stdout.replace(/\n$/, '');
      };
      await use({
        ...world,
        directory,
        run,
        runWith,
        ok,
        json: async (...argv) => {
          const document = JSON.parse(await ok(...argv, '--format', 'json'));
          expect(document).to.have.property('version', 1);
          return document;
        },
        async fails(code, error, ...argv) {
          const answer = await run(...argv);
          expect(answer.stderr).to.contain(error);
          expect(answer.code, answer.stderr).to.equal(code);
          return answer;
        },
        published: (...tags) => publish(world, tags.length === 0 ? ['1'] : tags),
      });
      expect((await readdir(directory)).filter((name) => /^mabuild-/.test(name))).to.deep.equal([]);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  };
}

async function publish(world: ClientWorld, tags: readonly string[]): Promise<Published> {
  const image = make((maker) => realIndex(maker));
  const { registry, repository } = world.repository();
  const place = { registry, repository };
  await copyImage(image.source, world.client.sink(place), { tags });
  const name = formatReference({ ...place, tag: 'x' }).replace(/:x$/, '');
  const entries = image.contents
    .map(({ descriptor }) => descriptor)
    .filter(({ mediaType }) => mediaType === mediaTypes.ociManifest);
  return { image, name, place, entries };
}

async function authConfig({ host, options }: ClientWorld): Promise<string> {
  const credential = await options.credentials?.credentialFor(host);
  return JSON.stringify({ auths: credential ? { [host]: authOf(credential) } : {} });
}

function authOf(credential: Credential): object {
  switch (credential.kind) {
    case 'basic':
      return { auth: Buffer.from(`${credential.username}:${credential.password}`).toString('base64') };
    case 'identity-token':
      return { identitytoken: credential.token };
    case 'registry-token':
      return { registrytoken: credential.token };
  }
}

async function writeConfig(directory: string, tls: NonNullable<RegistryOptions['tls']>): Promise<void> {
  const registries: Record<string, Record<string, string>> = {};
  for (const [host, options] of Object.entries(tls)) {
    const files: Record<string, string> = {};
    for (const [name, pem] of Object.entries(options)) {
      files[name] = join(directory, `${name}.pem`);
      await writeFile(files[name], [pem].flat().join('\n'));
    }
    registries[host] = files;
  }
  await writeFile(join(directory, 'mabuild.config.json'), JSON.stringify({ registries }));
}
