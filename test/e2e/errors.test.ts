import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { freePort } from '../../scripts/lib/process.mjs';
import { type CliResult, mabuild, mabuildOk } from '../support/cli.ts';
import { debTree } from '../support/debs.ts';
import { dockerJudge } from '../support/docker.ts';
import { eventually } from '../support/eventually.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { servicesDescribe } from '../support/services.ts';
import { digestOfTag } from '../support/skopeo.ts';
import { makeWorkspace, type Workspace } from '../support/workspace.ts';

servicesDescribe('build: what it says when something is wrong', function (services) {
  this.timeout(120_000);
  const judge = dockerJudge(services.dockerHost);
  const env = { DOCKER_HOST: services.dockerHost };
  let workspace: Workspace;

  beforeEach(async () => {
    workspace = await makeWorkspace();
  });
  afterEach(async () => {
    const leftovers = await workspace.leftovers();
    await workspace.remove();
    expect(leftovers).to.deep.equal([]);
    await eventually(async () => expect(await judge.containers()).to.deep.equal([]));
  });

  function build(
    args: readonly string[],
    more: Readonly<Record<string, string | undefined>> = {},
  ): Promise<CliResult> {
    return mabuild(['build', ...args], { workspace, env: { ...env, ...more } });
  }

  function expectError(
    result: CliResult,
    status: number,
    code: string,
    ...patterns: readonly RegExp[]
  ): void {
    expect(result.stderr).to.include(`(${code})`);
    for (const pattern of patterns) expect(result.stderr).to.match(pattern);
    expect(result.stderr).to.not.match(/^\s+at .*:\d+:\d+/m);
    expect(result.stdout).to.equal('');
    expect(result.status).to.equal(status);
  }

  describe('asked wrongly', () => {
    it('a syntax error has its line and column', async () => {
      const context = await workspace.context({ Dockerfile: 'FROM busybox\n\nRUNN uname -m\n' });
      expectError(
        await build([context]),
        2,
        'DOCKERFILE_SYNTAX',
        /Dockerfile:3:1\b/,
        /RUNN uname -m/,
        /unknown instruction/i,
      );
    });

    it('a missing Dockerfile is named', async () => {
      const context = await workspace.context({ 'other.txt': '' });
      expectError(await build([context]), 2, 'DOCKERFILE_NOT_FOUND', /Dockerfile/);
    });

    it('a missing context is named', async () => {
      expectError(await build([join(workspace.dir, 'nowhere')]), 2, 'CONTEXT_NOT_FOUND', /nowhere/);
    });

    it('an unknown platform is named', async () => {
      const context = await workspace.context({ Dockerfile: 'FROM busybox\n' });
      expectError(
        await build(['--platform', 'linux/amd64,linux/toaster', context]),
        2,
        'INVALID_PLATFORM',
        /toaster/,
      );
    });

    it('--push without a tag says what is missing', async () => {
      const context = await workspace.context({ Dockerfile: 'FROM busybox\n' });
      expectError(await build(['--push', context]), 2, 'USAGE', /-t /);
    });
  });

  describe('the base image', () => {
    for (const engine of ['classic', 'buildkit']) {
      it(`without the platform stops the build before it starts (${engine})`, async () => {
        const image = `${services.registry}/e2e/base-missing:${engine}`;
        const context = await workspace.context({
          Dockerfile: 'FROM busybox AS fine\nRUN true\nFROM x64only\nCOPY --from=fine /bin/sh /sh\n',
        });
        const result = await build([
          ...['--engine', engine, '--platform', 'linux/amd64,linux/arm/v7', '--push', '-t', image, context],
        ]);
        expectError(result, 1, 'BASE_PLATFORM_MISSING', /Dockerfile:3:6\b/, /x64only/, /linux\/arm\/v7/);
        expect(await digestOfTag(image)).to.equal(undefined);
      });
    }

    it('for a platform that it never had stops the build too', async () => {
      const context = await workspace.context({ Dockerfile: 'FROM busybox\n' });
      const result = await build(['--platform', 'linux/riscv64', context]);
      expectError(result, 1, 'BASE_PLATFORM_MISSING', /busybox/, /linux\/riscv64/);
    });

    it('that does not exist is named with its line', async () => {
      const context = await workspace.context({ Dockerfile: `FROM ${services.registry}/no/such:image\n` });
      const result = await build([context]);
      expect(result.stderr)
        .to.match(/Dockerfile:1:6\b/)
        .and.match(/no\/such:image/);
      expect(result.status).to.be.oneOf([1, 3]);
    });
  });

  describe('the engine', () => {
    it('that DOCKER_HOST names and that is dead is an error, not a reason to look elsewhere', async () => {
      const context = await workspace.context({ Dockerfile: 'FROM busybox\n' });
      const dead = `unix://${join(workspace.dir, 'dead.sock')}`;
      const result = await build([context], { DOCKER_HOST: dead });
      expectError(result, 3, 'ENGINE_UNREACHABLE', /dead\.sock/, /DOCKER_HOST/);
    });

    it('that is nowhere: every place that was tried is listed', async function () {
      if (existsSync('/var/run/docker.sock') || existsSync('/run/podman/podman.sock')) this.skip();
      const context = await workspace.context({ Dockerfile: 'FROM busybox\n' });
      const result = await build([context], { DOCKER_HOST: undefined });
      expectError(result, 3, 'NO_ENGINE', /docker\.sock/, /podman\.sock/);
    });

    it('that refuses is quoted', async () => {
      const server = createServer((request, response) => {
        request.resume();
        response.writeHead(403, { 'content-type': 'application/json' });
        response.end('{"message":"the house rules forbid builds"}');
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      try {
        const context = await workspace.context({ Dockerfile: 'FROM busybox\n' });
        const host = `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`;
        const result = await build([context], { DOCKER_HOST: host });
        expect(result.stderr)
          .to.match(/\((ENGINE_REFUSED|NOT_AN_ENGINE)\)/)
          .and.match(/the house rules forbid builds/);
        expect(result.status).to.equal(3);
      } finally {
        server.close();
        server.closeAllConnections();
      }
    });
  });

  describe('a step', () => {
    for (const engine of ['classic', 'buildkit']) {
      it(`that fails has its line, exit code and last words (${engine})`, async () => {
        const image = `${services.registry}/e2e/run-fails:${engine}`;
        const context = await workspace.context({
          Dockerfile: 'FROM busybox\nRUN true\n\nRUN echo last words && exit 7\n',
        });
        const result = await build([
          ...['--engine', engine, '--platform', 'linux/amd64,linux/arm/v7', '--push', '-t', image, context],
        ]);
        expectError(result, 1, 'BUILD_FAILED', /Dockerfile:4\b/, /\b7\b/, /last words/);
        expect(await digestOfTag(image)).to.equal(undefined);
      });
    }
  });

  describe('the registry', () => {
    async function contextOfOneFile(): Promise<string> {
      return workspace.context({ Dockerfile: 'FROM busybox\nCOPY file /file\n', file: 'x'.repeat(1 << 20) });
    }

    it('that is down is named', async () => {
      const host = `127.0.0.1:${await freePort()}`;
      const result = await build(['--push', '-t', `${host}/e2e/down:1`, await contextOfOneFile()]);
      expectError(result, 3, 'REGISTRY_UNREACHABLE', new RegExp(host));
    });

    it('that wants a password says how to give one, and shows none', async () => {
      const image = `${services.authRegistry}/e2e/denied:1`;
      await workspace.login(services.authRegistry, services.user, 'not-the-password');
      const result = await build(['--push', '-t', image, await contextOfOneFile()]);
      expectError(result, 3, 'REGISTRY_UNAUTHORIZED', new RegExp(services.authRegistry), /login/);
      expect(result.stderr).to.not.include('not-the-password');
      expect(result.stderr).to.not.include(
        Buffer.from(`${services.user}:not-the-password`).toString('base64'),
      );
    });

    it('that asks for patience (429) gets it, and the push succeeds', async () => {
      let refused = 0;
      const proxy = await startFaultProxy(services.registry, (request) => {
        if (request.method === 'GET' || request.method === 'HEAD' || refused === 2) return undefined;
        refused += 1;
        return { kind: 'answer', status: 429, headers: { 'retry-after': '1' } };
      });
      try {
        const context = await contextOfOneFile();
        await mabuildOk(['build', '--push', '-t', `${proxy.host}/e2e/patience:1`, context], {
          workspace,
          env,
        });
        expect(refused).to.equal(2);
        expect(await digestOfTag(`${services.registry}/e2e/patience:1`)).to.match(/^sha256:/);
      } finally {
        await proxy.close();
      }
    });

    it('that loses the connection in mid-upload is asked again, and the push succeeds', async () => {
      let cut = 0;
      const proxy = await startFaultProxy(services.registry, (request) => {
        const upload = /^(PUT|PATCH)$/.test(request.method ?? '') && request.url?.includes('/blobs/uploads/');
        if (!upload || cut === 2) return undefined;
        cut += 1;
        return { kind: 'cut', afterBytes: 100 };
      });
      try {
        const context = await contextOfOneFile();
        await mabuildOk(['build', '--push', '-t', `${proxy.host}/e2e/cut:1`, context], { workspace, env });
        expect(cut).to.equal(2);
        expect(await digestOfTag(`${services.registry}/e2e/cut:1`)).to.match(/^sha256:/);
      } finally {
        await proxy.close();
      }
    });
  });

  describe('a lying image', () => {
    it('is not published: an x64 program in the arm64 image is named with its layer', async () => {
      const image = `${services.registry}/e2e/lie:1`;
      const program = await readFile(join(await debTree('busybox-static', 'amd64'), 'bin/busybox'));
      const context = await workspace.context({
        Dockerfile:
          'FROM busybox\nCOPY --chown=0:0 app /usr/local/bin/app\nRUN chmod +x /usr/local/bin/app\nENTRYPOINT ["app"]\n',
        app: program,
      });
      const args = ['--platform', 'linux/amd64,linux/arm64', '--push', '-t', image, context];
      const result = await build(args);
      expectError(
        result,
        1,
        'VERIFICATION_FAILED',
        /usr\/local\/bin\/app/,
        /linux\/arm64/,
        /sha256:[0-9a-f]{12}/,
        /x86-64|amd64/,
      );
      expect(await digestOfTag(image)).to.equal(undefined);

      await mabuildOk(['build', '--no-verify', ...args], { workspace, env });
      expect(await digestOfTag(image)).to.match(/^sha256:/);
      const verified = await mabuild(['verify', '--format', 'json', image], { workspace, env });
      expect(verified.status).to.equal(1);
      expect(JSON.parse(verified.stdout).ok).to.equal(false);
    });
  });
});
