import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseReference } from '@mabuild/oci';
import { createRegistryClient } from '@mabuild/registry';
import { expect } from 'chai';
import { readDockerConfig } from '../../packages/cli/src/sdk/credentials/docker-config.ts';
import { login, logout } from '../../packages/cli/src/sdk/credentials/login.ts';
import { run } from '../../scripts/lib/run.mjs';
import { makeIndex, pushImage } from '../support/image.ts';
import { rejection } from '../support/rejection.ts';
import { servicesDescribe } from '../support/services.ts';

servicesDescribe('what login wrote', ({ authRegistry, dockerHost, tokenRegistry, user, password }) => {
  let directory = '';
  let file = '';
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mabuild-login-'));
    file = join(directory, 'config.json');
  });
  afterEach(() => rm(directory, { recursive: true }));

  const options = () => ({
    config: {},
    environment: {
      variables: { DOCKER_CONFIG: directory, PATH: '' },
      workingDirectory: directory,
      homeDirectory: directory,
      cacheDirectory: join(directory, 'cache'),
    },
  });
  const tool = (name: string, ...args: string[]): Promise<string> =>
    run(name, args, {
      env: { DOCKER_HOST: dockerHost, DOCKER_CONFIG: directory, REGISTRY_AUTH_FILE: undefined },
    });

  for (const [name, registry] of [
    ['a password', authRegistry],
    ['tokens', tokenRegistry],
  ] as const) {
    describe(`for a registry with ${name}`, () => {
      const reference = `${registry}/private/login-${process.pid}:1`;
      before(async () => {
        const credentials = {
          credentialFor: async () => ({ kind: 'basic', username: user, password }) as const,
        };
        const client = createRegistryClient({ credentials });
        await pushImage(client.sink(parseReference(reference)), makeIndex(['linux/amd64']), '1');
        await client.close();
      });
      beforeEach(() => login({ registry, username: user, password }, options()));

      it('skopeo reads', async () => {
        const inspect = ['inspect', '--raw', '--tls-verify=false', `docker://${reference}`];
        expect(JSON.parse(await tool('skopeo', ...inspect, '--authfile', file)).schemaVersion).to.equal(2);
        expect((await tool('skopeo', 'login', '--get-login', '--authfile', file, registry)).trim()).to.equal(
          user,
        );
        await logout({ registry }, options());
        await rejection(tool('skopeo', ...inspect, '--authfile', file));
      });

      it('docker reads', async () => {
        // The image is none that an engine could unpack: what it says of it tells that it was let in.
        const allowed = await rejection(tool('docker', 'pull', reference));
        expect(String(allowed)).to.not.match(/unauthorized|denied|no basic auth/i);
        const missing = await rejection(tool('docker', 'pull', `${registry}/private/login-${process.pid}:2`));
        expect(String(missing)).to.match(/manifest unknown|not found/);
        expect(await tool('docker', 'logout', registry)).to.match(/Removing login credentials/);
        expect((await logout({ registry }, options())).removed).to.equal(false);
        const refused = await rejection(tool('docker', 'pull', reference));
        expect(String(refused)).to.match(/unauthorized|denied|no basic auth/i);
      });

      it('is what docker and podman write', async () => {
        const source = async () =>
          (await readDockerConfig({ directory, environment: {} })).credentials.credentialFor(registry);
        const ours = await source();
        expect(ours).to.deep.equal({ kind: 'basic', username: user, password });
        await writeFile(file, '{}');
        await run('docker', ['login', '-u', user, '--password-stdin', registry], {
          input: password,
          env: { DOCKER_CONFIG: directory },
        });
        expect(await source()).to.deep.equal(ours);
        await rm(file);
        await run(
          'skopeo',
          ['login', '--tls-verify=false', '-u', user, '--password-stdin', '--authfile', file, registry],
          { input: password },
        );
        expect(await source()).to.deep.equal(ours);
      });
    });
  }

  it('is read with the key of a repository that skopeo wrote', async () => {
    const team = `${authRegistry}/team`;
    await run(
      'skopeo',
      ['login', '--tls-verify=false', '-u', user, '--password-stdin', '--authfile', file, team],
      {
        input: password,
      },
    );
    const { credentials } = await readDockerConfig({ directory, environment: {} });
    expect(await credentials.credentialFor(authRegistry, { repository: 'team/app' })).to.include({
      username: user,
    });
    expect(await credentials.credentialFor(authRegistry, { repository: 'other/app' })).to.equal(undefined);
  });
});
