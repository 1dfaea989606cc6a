import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setImmediate as tick } from 'node:timers/promises';
import { offlineImages, recommendedRules } from '@mabuild/core';
import { parsePlatformList } from '@mabuild/oci';
import { expect } from 'chai';
import { checkFiles, type FileFindings, migrateFiles } from 'mabuild';
import { runProgram } from '../../packages/cli/src/program.ts';
import type { CheckRequest } from '../../packages/cli/src/sdk/check/check.ts';
import { checkMany } from '../../packages/cli/src/sdk/check/check-pool.ts';
import { fakeIo } from '../support/io.ts';
import { rejection } from '../support/rejection.ts';

const worker = new URL('../support/check-worker.mjs', import.meta.url);
const gosu = 'https://github.com/tianon/gosu/releases/download/1.17/gosu-amd64';

describe('check and migrate of a folder', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mabuild-folder-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  async function write(files: Readonly<Record<string, string | Uint8Array>>): Promise<void> {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(directory, path)), { recursive: true });
      await writeFile(join(directory, path), text);
    }
  }
  const options = () => ({ environment: { workingDirectory: directory, variables: {} }, config: {} });
  const check = (request: Partial<CheckRequest> = {}) => checkFiles({ paths: ['.'], ...request }, options());
  const told = (files: readonly FileFindings[]): readonly string[] =>
    files.flatMap(({ path, findings }) => findings.map(({ rule }) => `${path} ${rule}`));

  it('builds of services are checked with their arguments, once where the rest is the same', async () => {
    await write({
      'app/Dockerfile': 'ARG BASE=debian:13\nFROM $BASE AS build\nRUN true\nFROM node:24 AS other\n',
      'compose.yaml':
        'services:\n  a:\n    build: {context: app, args: {BASE: "mysql:5.7"}}\n  b:\n    build: app\n',
      'docker-bake.hcl': 'target "x" {\n  context = "app"\n}\n',
    });
    const { files } = await check();
    expect(files.map(({ path }) => path)).to.deep.equal([
      'app/Dockerfile',
      'compose.yaml',
      'docker-bake.hcl',
    ]);
    const lacks = (list: readonly FileFindings[]) =>
      list
        .flatMap(({ findings }) => findings)
        .filter(({ rule }) => rule === 'base-image-lacks-platform')
        .map(({ message }) => message);
    expect(lacks(files)).to.deep.equal([
      'mysql:5.7 has no image for linux/arm64, linux/arm/v7',
      'node:24 has no image for linux/arm/v7',
    ]);
  });

  it('a compose file that is named brings the Dockerfiles that it builds, as far as their target goes', async () => {
    await write({
      'app/my.Dockerfile': `FROM debian:13 AS small\nFROM node:24 AS large\nRUN curl -LO ${gosu}\n`,
      'compose.yaml':
        'services:\n  a:\n    build: {context: ./app, dockerfile: my.Dockerfile, target: small}\n  b:\n    build: {context: absent}\n',
    });
    const small = await check({ paths: ['compose.yaml'] });
    expect(small.files.map(({ path }) => path)).to.deep.equal(['compose.yaml', 'app/my.Dockerfile']);
    expect(told(small.files).filter((line) => /lacks|url/.test(line))).to.deep.equal([]);
    const all = await check();
    expect(told(all.files)).to.include('app/my.Dockerfile known-asset-x86-url');
  });

  it('finds things in an inline Dockerfile at their line', async () => {
    const text = `services:\n  a:\n    build:\n      dockerfile_inline: |\n        FROM debian:13\n\n        RUN curl -LO ${gosu}\n`;
    await write({ 'compose.yaml': text });
    const [file] = (await check()).files;
    const finding = file?.findings.find(({ rule }) => rule === 'known-asset-x86-url');
    expect(finding && text.slice(finding.range.start, finding.range.end)).to.equal('amd64');
    expect(finding?.fix).to.equal('suggest');
  });

  it('variables come from .env, and from the environment first', async () => {
    await write({ 'compose.yaml': `services:\n  a:\n    image: node:\${NODE}\n`, '.env': 'NODE=24\n' });
    expect(told((await check()).files)).to.deep.equal(['compose.yaml compose-image-lacks-platform']);
    const environment = { workingDirectory: directory, variables: { NODE: '22' } };
    expect(told((await checkFiles({ paths: ['.'] }, { environment, config: {} })).files)).to.deep.equal([]);
  });

  it('a file that cannot be read hides no other', async () => {
    await write({
      Dockerfile: 'FROM node:24\n',
      'Dockerfile.bad': 'RUN true\n',
      'Dockerfile.binary': new Uint8Array([0x7f, 0x45, 0x4c, 0x46, 0, 0, 1]),
      'Dockerfile.utf16': Buffer.from('\ufeffFROM node:24\n', 'utf16le'),
      'compose.yaml': 'services: {\n',
      'docker-bake.hcl': 'target "a" {\n',
      'docker-bake.json': '{]',
      'uv.lock': '= 1\n',
      'package-lock.json': '{\n',
    });
    const { files } = await check();
    const syntax = files.flatMap(({ path, findings }) =>
      findings
        .filter(({ rule }) => rule === 'syntax')
        .map(({ message }) => `${path}: ${message.slice(0, 24)}`),
    );
    expect(syntax).to.deep.equal([
      'Dockerfile.bad: no build stage in curren',
      'Dockerfile.binary: the file is no text',
      'Dockerfile.utf16: the file is UTF-16, and ',
      'compose.yaml: no valid YAML: Flow map ',
      'docker-bake.hcl: no valid HCL: a block ha',
      'docker-bake.json: no valid JSON: Expected ',
      'package-lock.json: no valid JSON: Expected ',
      'uv.lock: no valid TOML: unexpecte',
    ]);
    expect(told(files)).to.include('Dockerfile base-image-lacks-platform');
    for (const path of ['Dockerfile.utf16', 'compose.yaml', 'docker-bake.hcl', 'uv.lock']) {
      const error = await rejection(check({ paths: [path] }));
      expect((error as { location?: { file?: string } }).location?.file, path).to.equal(path);
    }
  });

  it('names and severities of the other rules can be given', async () => {
    await write({ 'compose.yaml': 'services:\n  a:\n    build: .\n    platform: linux/amd64\n' });
    expect(told((await check({ ignore: ['compose-platform-x86'] })).files)).to.deep.equal([]);
    const { files } = await check({ severities: { 'compose-platform-x86': 'info' } });
    expect(files[0]?.findings[0]?.severity).to.equal('info');
    const world = fakeIo({ workingDirectory: directory, environment: { HOME: directory } });
    expect(
      await runProgram(world.io, ['check', '--rule', 'compose-platform-x86=off', 'compose.yaml']),
    ).to.equal(0);
    expect(await runProgram(world.io, ['rules', 'compose-platform-x86'])).to.equal(0);
    await tick();
    expect(world.stdout()).to.contain('A service of a compose file is fixed to x86.');
  });

  it('files that a compose file includes and extends are read too, each once', async () => {
    await write({
      'compose.yaml':
        'include: [parts/db.yaml, parts/none.yaml]\nservices:\n  a:\n    extends: {file: base/common.yml, service: one}\n  b:\n    extends: {file: base/common.yml, service: two}\n    platform: linux/arm64\n  c:\n    extends: {file: ./compose.yaml, service: a}\n',
      'base/common.yml':
        'services:\n  one:\n    build: ./app\n    platform: linux/amd64\n  two:\n    image: redis:7\n    platform: linux/amd64\n  three:\n    image: mysql:5.7\n',
      'base/app/Dockerfile': 'FROM mysql:5.7\n',
      'parts/db.yaml': 'include: [../compose.yaml]\nservices:\n  db:\n    image: mysql:5.7\n',
    });
    const { files } = await check({ paths: ['compose.yaml'] });
    expect(told(files)).to.have.members([
      'parts/db.yaml compose-image-lacks-platform',
      'base/common.yml compose-platform-x86',
      'base/app/Dockerfile base-image-lacks-platform',
    ]);
    expect(files.map(({ path }) => path)).to.have.members([
      'compose.yaml',
      'parts/db.yaml',
      'base/common.yml',
      'base/app/Dockerfile',
    ]);
  });

  it('a rule that is not recommended is followed when it is given a severity', async () => {
    await write({ Dockerfile: 'FROM golang:1.22 AS b\nFROM debian:12\nCOPY --from=b /a /\n' });
    expect(told((await check({})).files)).to.deep.equal([]);
    const { files } = await check({ severities: { 'native-build-stage': 'warning' } });
    expect(told(files)).to.deep.equal(['Dockerfile native-build-stage']);
    expect(files[0]?.findings[0]?.severity).to.equal('warning');
    const world = fakeIo({ workingDirectory: directory, environment: { HOME: directory } });
    const argv = ['check', '--rule', 'native-build-stage=error'];
    expect(await runProgram(world.io, argv)).to.equal(1);
    expect(await runProgram(world.io, ['check', '--rule', 'native-build-stage=off'])).to.equal(0);
  });

  it('migrate makes one diff of all, writes it, and then has nothing left to do', async () => {
    await write({
      'app/Dockerfile': `FROM debian:13\nRUN curl -LO ${gosu}\n`,
      'app/Dockerfile.broken': 'RUN true\n',
      'compose.yaml':
        '# ours\nservices:\n  a:\n    build: app\n    platform: linux/amd64\n  b: {image: "amd64/redis:7"}\n',
      'Gemfile.lock': 'GEM\n\nPLATFORMS\n  x86_64-linux\n',
    });
    const request = { files: ['.'] };
    const { files, unfixed } = await migrateFiles(request, options());
    expect(files.filter(({ changed }) => changed).map(({ path }) => path)).to.deep.equal([
      'app/Dockerfile',
      'compose.yaml',
    ]);
    expect(files.at(-1)?.after).to.equal(
      '# ours\nservices:\n  a:\n    build: app\n  b: {image: "redis:7"}\n',
    );
    expect(unfixed.join('\n')).to.match(/Dockerfile.broken: no build stage.*\(syntax\)/);
    expect(unfixed.join('\n')).to.match(/Gemfile.lock: .*\(lockfile-lacks-platform\)/);
    const world = () => fakeIo({ workingDirectory: directory, environment: { HOME: directory } }).io;
    expect(await runProgram(world(), ['migrate', '--check', '.'])).to.equal(1);
    expect(await runProgram(world(), ['migrate', '--write', '.'])).to.equal(0);
    expect(await readFile(join(directory, 'compose.yaml'), 'utf8')).to.equal(files.at(-1)?.after);
    expect(await runProgram(world(), ['migrate', '--check', '.'])).to.equal(0);
  });

  it('migrate --only makes the fixes that are named', async () => {
    const text = 'services:\n  a:\n    image: amd64/redis:7\n    platform: linux/amd64\n';
    await write({ 'compose.yaml': text });
    const { files } = await migrateFiles({ files: ['compose.yaml'], only: ['x86-namespace'] }, options());
    expect(files[0]?.after).to.equal(text.replace('amd64/redis', 'redis'));
  });

  it('per-arch files are made of sources, not of what was made before', async () => {
    await write({
      Dockerfile: 'FROM debian:13\n',
      'compose.yaml': 'services: {a: {build: ., platform: linux/amd64}}\n',
    });
    const request = { files: ['.'], style: 'per-arch', platforms: ['linux/arm/v7'], write: true } as const;
    for (let round = 0; round < 2; round += 1) {
      const { files } = await migrateFiles(request, options());
      expect(files.map(({ path }) => path)).to.deep.equal(['Dockerfile.arm32v7']);
      expect(files.map(({ changed }) => changed)).to.deep.equal([round === 0]);
    }
    const later = await migrateFiles({ ...request, platforms: ['linux/arm64'], write: false }, options());
    expect(later.files.map(({ path }) => path)).to.deep.equal(['Dockerfile.arm64v8']);
  });

  it('checks what per-arch has written for its own platform', async () => {
    await write({ Dockerfile: 'FROM amd64/debian:13\nENV A=/usr/lib/x86_64-linux-gnu\n' });
    const platforms = ['linux/arm64', 'linux/arm/v7'];
    await migrateFiles({ files: ['.'], style: 'per-arch', platforms, write: true }, options());
    const rows: readonly [readonly string[], readonly string[], readonly string[]][] = [
      [['.'], platforms, ['Dockerfile x86-namespace', 'Dockerfile multiarch-libdir']],
      [['Dockerfile.arm64v8'], ['linux/arm64'], []],
      [['Dockerfile.arm64v8'], ['linux/arm/v7'], ['Dockerfile.arm64v8 from-platform-constant-x86']],
    ];
    for (const [paths, wanted, rules] of rows) {
      const { files } = await check({ paths, platforms: wanted });
      expect(told(files)).to.include.members(rules as string[]);
      if (rules.length !== 1) expect(told(files)).to.have.length(rules.length);
    }
  });

  it('leaves what per-arch has written alone in the portable style, unless it is named', async () => {
    await write({ Dockerfile: 'FROM debian:13\n' });
    const platforms = ['linux/arm/v7'];
    await migrateFiles({ files: ['.'], style: 'per-arch', platforms, write: true }, options());
    const paths = async (files: readonly string[]) =>
      (await migrateFiles({ files, platforms }, options())).files.map(({ path }) => path);
    expect(await paths(['.'])).to.deep.equal(['Dockerfile']);
    expect(await paths(['Dockerfile', 'Dockerfile.arm32v7'])).to.deep.equal([
      'Dockerfile',
      'Dockerfile.arm32v7',
    ]);
  });

  it('threads find what one finds, in the same order, and take their questions to the main one', async () => {
    const files: Record<string, string> = { 'x/Dockerfile.bad': 'RUN true\n', 'uv.lock': '= 1\n' };
    for (let index = 0; index < 150; index += 1) {
      files[`${index % 7}/Dockerfile.${index}`] =
        `FROM node:${index % 30}\nRUN curl -LO ${gosu}\nCOPY --from=example.org/i${index % 3} /a /b\n`;
    }
    await write(files);
    const alone = await check({ fixed: true });
    const counts: number[] = [];
    const together = await check({ fixed: true, worker, onFile: (done, total) => counts.push(done, total) });
    const plain = ({ files: list }: typeof alone) =>
      list.map(({ path, findings, fixed }) => ({
        path,
        fixed,
        // What edits were made of stays in the thread.
        findings: findings.map(({ variations: _, ...finding }) => finding),
      }));
    expect(plain(together)).to.deep.equal(plain(alone));
    expect(counts.at(-2)).to.equal(152);

    const asked: string[] = [];
    const answers = new Map<string, ReturnType<typeof offlineImages.platformsOf>>();
    const how = {
      directory,
      platforms: parsePlatformList('linux/arm64'),
      ignore: [],
      severities: {},
      buildArgs: {},
      fixed: false,
      lenient: true,
    };
    const jobs = Object.keys(files).map((path) => ({
      path,
      kind: 'dockerfile' as const,
      builds: [],
      named: true,
    }));
    const images = {
      platformsOf: (reference: string) => {
        const answer = answers.get(reference);
        // This thread, which checks files too, gets the answer that was given before.
        if (answer) return answer;
        asked.push(reference);
        const found = reference.startsWith('example.org/')
          ? Promise.resolve(parsePlatformList('linux/amd64'))
          : offlineImages.platformsOf(reference);
        answers.set(reference, found);
        return found;
      },
    };
    const world = { images, downloads: undefined, rules: recommendedRules };
    const results = await checkMany(jobs, how, world, { worker, signal: undefined, onFile: undefined });
    expect(asked).to.include('example.org/i0:latest');
    expect(asked.length).to.be.below(150);
    expect(told(results).filter((line) => line.endsWith('copy-from-image-lacks-platform'))).to.have.length(
      150,
    );
  }).timeout(60_000);

  it('threads end when they are interrupted, and when the main one fails', async () => {
    const files = Object.fromEntries(
      Array.from({ length: 100 }, (_, index) => [`Dockerfile.${index}`, 'FROM node:24\n']),
    );
    await write(files);
    const controller = new AbortController();
    const stopped = checkFiles(
      { paths: ['.'], worker, onFile: () => controller.abort(new Error('stop')) },
      { ...options(), signal: controller.signal },
    );
    expect((await rejection(stopped)).message).to.equal('stop');
  }).timeout(60_000);

  it('counts files on a terminal, and takes the line away', async () => {
    const { fileProgress } = await import('../../packages/cli/src/progress/files.ts');
    const { io, stderr } = fakeIo();
    const stream = Object.assign(io.stderr, { isTTY: true });
    const progress = fileProgress(stream);
    progress.onFile(1, 10);
    progress.onFile(1, 2000);
    progress.clear();
    await tick();
    expect(stderr()).to.equal('\r\u001b[Kchecked 1 of 2,000 files\r\u001b[K');
  });
});
