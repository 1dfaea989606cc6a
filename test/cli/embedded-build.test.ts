import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { runCli } from '../support/cli-run.ts';
import { type ContextFile, writeContext } from '../support/embedded-builds.ts';

describe('mabuild build --engine embedded', () => {
  let work = '';
  let contexts = 0;
  before(async () => {
    work = await mkdtemp(join(tmpdir(), 'mabuild-cli-embedded-'));
  });
  after(() => rm(work, { recursive: true, force: true }));

  const build = async (
    files: Readonly<Record<string, ContextFile>>,
    args: readonly string[],
    environment: Readonly<Record<string, string>> = {},
  ) => {
    const context = join(work, `context-${contexts++}`);
    await writeContext(context, files);
    const argv = ['build', '--engine', 'embedded', '--quiet', ...args, context];
    return runCli(work, argv, { PATH: process.env.PATH ?? '', ...environment });
  };
  const built = async (files: Readonly<Record<string, ContextFile>>, args: readonly string[]) => {
    const output = join(work, `files-${contexts}`);
    const { code, stderr } = await build(files, [
      '--platform',
      'linux/amd64',
      '-o',
      `local:${output}`,
      ...args,
    ]);
    expect(code, stderr).to.equal(0);
    const found: Record<string, string> = {};
    for (const entry of await readdir(output, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name);
      if (entry.isFile()) found[path.slice(output.length + 1)] = await readFile(path, 'utf8');
    }
    return found;
  };

  it('builds several platforms without an engine, a registry or the network', async () => {
    const layout = join(work, 'layout');
    const platforms = 'linux/amd64,linux/arm64,linux/arm/v7,linux/riscv64';
    const { code, stdout, stderr } = await build(
      { Dockerfile: 'FROM scratch\nARG TARGETPLATFORM\nENV P=$TARGETPLATFORM\nCOPY a /\n', a: 'A' },
      ['--platform', platforms, '-o', `oci:${layout}`, '-t', 'app:1'],
    );
    expect(code, stderr).to.equal(0);
    expect(stdout).to.match(/^sha256:[0-9a-f]{64}\n$/);
    const index = JSON.parse(await readFile(join(layout, 'index.json'), 'utf8'));
    const digest = index.manifests[0].digest as string;
    const list = JSON.parse(await readFile(join(layout, 'blobs', digest.replace(':', '/')), 'utf8'));
    expect(list.manifests).to.have.length(4);
    // Four manifests, four configs, one index, and one layer for all.
    expect(await readdir(join(layout, 'blobs/sha256'))).to.have.length(10);
  });

  const unwritable: readonly { output: string; platforms?: string; why: RegExp }[] = [
    { output: 'oci:FILE', why: /writing oci:.*file is no folder/ },
    { output: 'oci:FILE/x/y', why: /writing oci:.*ENOTDIR.*\n.*name a place/ },
    { output: 'local:FILE', why: /writing local:.*file is no folder/ },
    { output: 'tar:FILE/x.tar', why: /writing tar:.*file is no folder/ },
    { output: 'tar:FOLDER', why: /writing tar:.*it is a folder/ },
    { output: 'docker-archive:FOLDER', why: /it is a folder/ },
    { output: 'oci-archive:FOLDER', platforms: 'linux/amd64,linux/arm64', why: /it is a folder/ },
    { output: 'tar:FOLDER/none/x.tar', why: /writing tar:.*ENOENT.*\n.*the folder must exist/ },
  ];
  for (const { output, platforms = 'linux/amd64', why } of unwritable) {
    it(`says before building that ${output} cannot be written`, async () => {
      const folder = join(work, 'taken');
      await mkdir(folder, { recursive: true });
      await writeFile(join(work, 'file'), 'a file');
      const place = output.replace('FILE', join(work, 'file')).replace('FOLDER', folder);
      // The build would fail, with another error.
      const { code, stderr } = await build({ Dockerfile: 'FROM scratch\nCOPY none /\n' }, [
        ...['--platform', platforms, '-o', place],
      ]);
      expect(stderr).to.match(why).and.include('(FILE_UNWRITABLE)');
      expect(code).to.equal(2);
      expect(await readdir(folder)).to.deep.equal([]);
    });
  }

  for (const flag of ['--iidfile', '--metadata-file']) {
    it(`says before building that ${flag} cannot be written`, async () => {
      const { code, stderr } = await build({ Dockerfile: 'FROM scratch\nCOPY none /\n' }, [
        ...['--platform', 'linux/amd64', '-o', `oci:${join(work, 'never')}`, flag, join(work, 'none/digest')],
      ]);
      expect(stderr).to.match(/^error: writing .*none\/digest: ENOENT.*\(FILE_UNWRITABLE\)\n/);
      expect(code).to.equal(2);
    });
  }

  it('names the context whose folder is not there', async () => {
    const { code, stderr } = await build({ Dockerfile: 'FROM scratch\nCOPY --from=x a /\n' }, [
      ...['--platform', 'linux/amd64', '-o', `oci:${join(work, 'never')}`, '--build-context', 'x=nofolder'],
    ]);
    expect(stderr).to.match(
      /--build-context x: .*nofolder does not exist \(CONTEXT_NOT_FOUND\)\nhint: write x=/,
    );
    expect(code).to.equal(2);
  });

  it('takes files from folders that --build-context names', async () => {
    const other = join(work, 'other');
    await writeContext(other, { 'x/y': 'from the other folder', left: 'out', '.dockerignore': 'left' });
    const files = { Dockerfile: 'FROM scratch\nCOPY --from=other x /x\nCOPY a /a\n', a: 'A' };
    expect(await built(files, ['--build-context', `other=${other}`])).to.deep.equal({
      a: 'A',
      'x/y': 'from the other folder',
    });
    const left = await build({ Dockerfile: 'FROM scratch\nCOPY --from=other left /\n' }, [
      ...['--platform', 'linux/amd64', '-o', `oci:${join(work, 'left')}`],
      ...['--build-context', `other=${other}`],
    ]);
    expect(left.code).to.equal(1);
    expect(left.stderr).to.match(/line 2/);
  });

  it('adds a git repository', async function () {
    const repository = join(work, 'repository');
    await writeContext(repository, { 'src/main.c': 'int main;', '.dockerignore': 'src' });
    const git = (...args: string[]) =>
      spawnSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.com', ...args], { cwd: repository });
    if (git('init', '--quiet', '-b', 'main').error) this.skip();
    git('add', '.');
    git('commit', '--quiet', '-m', 'first');
    const files = {
      Dockerfile: `FROM scratch\nADD file://${repository}#main /got\nADD file://${repository}#main:src /src/\n`,
    };
    expect(await built(files, [])).to.include({ 'got/src/main.c': 'int main;', 'src/main.c': 'int main;' });

    const kept = { Dockerfile: `FROM scratch\nADD --keep-git-dir=true file://${repository}#main /got\n` };
    const first = await built(kept, []);
    expect(first).to.include({ 'got/src/main.c': 'int main;' });
    const head = git('rev-parse', 'HEAD').stdout.toString();
    expect(first['got/.git/HEAD']).to.equal(head);
    expect(Object.keys(first).filter((path) => /\.git\/(logs|FETCH_HEAD|hooks)/.test(path))).to.deep.equal(
      [],
    );
    const checkout = join(work, `files-${contexts - 1}`, 'got');
    expect(spawnSync('git', ['status', '--short'], { cwd: checkout }).stdout.toString()).to.equal('');
    // Nothing in it tells when and where it was fetched.
    const digests = [];
    for (const name of ['one', 'two']) {
      const args = ['--platform', 'linux/amd64', '--no-cache', '-o', `oci:${join(work, `kept-${name}`)}`];
      digests.push((await build(kept, args, { SOURCE_DATE_EPOCH: '1600000000' })).stdout);
    }
    expect(digests[0]).to.match(/^sha256:/);
    expect(digests[1]).to.equal(digests[0]);
  });

  const refusals: readonly (readonly [
    string,
    Readonly<Record<string, ContextFile>>,
    readonly string[],
    number,
    RegExp,
  ])[] = [
    [
      'another frontend',
      { Dockerfile: '# syntax=example.com/other/language:1\nFROM scratch\nENV A=1\n' },
      ['-o', 'tar:x.tar'],
      1,
      /example\.com\/other\/language:1 \(NEEDS_BUILDKIT\)\s+Dockerfile:1/,
    ],
    [
      'FROM a folder',
      { Dockerfile: 'FROM here\n' },
      ['-o', 'tar:x.tar', '--build-context', 'here=.'],
      2,
      /FROM needs an image/,
    ],
    [
      'an unknown kind of build context',
      { Dockerfile: 'FROM scratch\nENV A=1\n' },
      ['-o', 'tar:x.tar', '--build-context', 'a=ftp://x'],
      2,
      /docker-image:/,
    ],
    [
      'a build context that is not there',
      { Dockerfile: 'FROM scratch\nENV A=1\n' },
      ['-o', 'tar:x.tar', '--build-context', 'a=not-there'],
      2,
      /not-there does not exist/,
    ],
    ['to load', { Dockerfile: 'FROM scratch\n' }, ['--load'], 3, /ENGINE_CANNOT/],
    [
      'a file that is not there',
      { Dockerfile: 'FROM scratch\n\nCOPY nothing /\n' },
      ['-o', 'tar:x.tar'],
      1,
      /line 3 .*nothing.*BUILD_FAILED/,
    ],
  ];
  it('does not count as a builder for doctor where an engine was named that does not answer', async () => {
    const environment = { PATH: process.env.PATH ?? '', DOCKER_HOST: 'tcp://127.0.0.1:1' };
    const { code, stdout } = await runCli(work, ['doctor'], environment);
    expect(stdout).to.match(/^Engine: +none: cannot reach the engine/);
    expect(stdout).to.match(/^Next: +or build without Docker: `mabuild build --engine embedded`/m);
    expect(code).to.equal(3);
  });

  it('says once why a step failed, and not for those that waited for it', async () => {
    const Dockerfile = 'FROM scratch AS made\nCOPY nothing /\nFROM scratch\nCOPY --from=made / /\n';
    await writeContext(join(work, 'waiting'), { Dockerfile });
    const argv = ['build', '--engine', 'embedded', '--platform', 'linux/amd64', '-o', 'tar:x.tar'];
    const { code, stderr } = await runCli(work, [...argv, '--progress', 'plain', 'waiting'], {
      PATH: process.env.PATH ?? '',
    });
    expect(code).to.equal(1);
    expect(stderr).to.match(/^\[linux\/amd64\] FAILED COPY nothing \/: (?!building).*nothing/m);
    expect(stderr).to.match(/^\[linux\/amd64\] CANCELED COPY --from=made \/ \/$/m);
    expect(stderr.match(/failed at line/g)).to.have.length(1);
  });

  for (const [name, files, args, code, message] of refusals) {
    it(`refuses ${name}`, async () => {
      const answer = await build(files, ['--platform', 'linux/amd64', ...args]);
      expect(answer.stderr).to.match(message);
      expect(answer.code).to.equal(code);
    });
  }
});
