import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as tick } from 'node:timers/promises';
import { expect } from 'chai';
import { Interrupted } from '../../packages/cli/src/io.ts';
import { runProgram } from '../../packages/cli/src/program.ts';
import { fakeIo } from '../support/io.ts';

interface Answer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

describe('the command', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mabuild-cli-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  async function run(argv: readonly string[], input?: string): Promise<Answer> {
    const world = fakeIo({
      workingDirectory: directory,
      environment: { HOME: directory, MABUILD_CACHE: join(directory, 'cache') },
      ...(input === undefined ? {} : { input }),
    });
    const code = await runProgram(world.io, argv);
    await tick();
    return { code, stdout: world.stdout(), stderr: world.stderr() };
  }

  const wrong: readonly { argv: readonly string[]; says: RegExp; code?: number }[] = [
    {
      argv: ['build', '--platform', 'linux/sparc6', '.'],
      says: /linux\/sparc6 is no platform that is known/,
    },
    { argv: ['nonsense'], says: /unknown command 'nonsense'/ },
    {
      argv: ['biuld', '--push', '-t', 'a', '.'],
      says: /unknown command 'biuld' \(USAGE\)\nhint: did you mean build\?/,
    },
    { argv: ['cache', 'dv'], says: /unknown command 'dv' \(USAGE\)\nhint: did you mean du\?/ },
    {
      argv: ['build', '--plattform', 'linux/arm64', '.'],
      says: /unknown option '--plattform' \(USAGE\)\nhint: did you mean --platform\?/,
    },
    { argv: ['build', '-o', '-', '.'], says: /"-" is no output/ },
    { argv: ['build', '--nonsense'], says: /unknown option '--nonsense'/ },
    { argv: ['build', '--platform'], says: /argument missing/ },
    { argv: ['build', '--push', '.'], says: /--push needs a name to push to/ },
    { argv: ['build', '--push', '--load', '-t', 'a', '.'], says: /exclude each other/ },
    { argv: ['check', '--platform', 'linux/', 'x'], says: /linux\// },
    { argv: ['build', '-t', 'Not A Name', '.'], says: /Not A Name/ },
    { argv: ['build', '-t', `a@sha256:${'0'.repeat(64)}`, '.'], says: /names a digest/ },
    { argv: ['build', '-o', 'zip:x', '.'], says: /"zip:x" is no output/ },
    { argv: ['build', '--jobs', '0', '.'], says: /--jobs "0" is not a whole number from 1/ },
    {
      argv: ['build', '--engine', 'kaniko', '.'],
      says: /--engine "kaniko" is none of auto, buildkit, classic/,
    },
    { argv: ['build', '--label', 'nothing', '.'], says: /--label "nothing" is not NAME=VALUE/ },
    { argv: ['build', '--mirror', 'docker.io', '.'], says: /--mirror "docker.io" is not HOST=URL/ },
    { argv: ['build', '--config', 'absent.json', '.'], says: /absent\.json: there is no such file/ },
    { argv: ['build', 'absent'], says: /absent.* does not exist/ },
    { argv: ['build', '-f', 'absent', '.'], says: /reading absent: there is no such file/ },
    { argv: ['check', 'absent'], says: /reading absent: there is no such file/ },
    { argv: ['check', '.'], says: /holds no Dockerfile/ },
    { argv: ['check', '--rule', 'x=loud', '.'], says: /--rule "loud" is none of/ },
    {
      argv: ['check', '--format', 'xml', '.'],
      says: /--format "xml" is none of text, json, sarif, github, html/,
    },
    {
      argv: ['check', '--ignore', 'base-image-lacks-platforms', '.'],
      says: /--ignore "base-image-lacks-platforms" is no rule[\s\S]*did you mean base-image-lacks-platform\?/,
    },
    { argv: ['check', '--rule', 'x86-namspace=off', '.'], says: /did you mean x86-namespace\?/ },
    { argv: ['migrate', '--only', 'x86-namspace', '.'], says: /--only "x86-namspace" is no rule/ },
    { argv: ['rules', 'x86-namspace'], says: /did you mean x86-namespace\?/ },
    { argv: ['rules', '--format', 'html'], says: /--format "html" is none of text, json/ },
    { argv: ['--nonsense', 'check'], says: /unknown option '--nonsense'/ },
    { argv: ['--config', 'absent.json', 'check'], says: /absent\.json: there is no such file/ },
    { argv: ['--mirror', 'docker.io', 'check'], says: /--mirror "docker.io" is not HOST=URL/ },
    { argv: ['inspect'], says: /missing required argument 'ref'/ },
    { argv: ['inspect', 'a b'], says: /a b/ },
    { argv: ['push', 'nothing:x', 'localhost:1/a'], says: /"nothing:x" is no source/ },
    { argv: ['push', 'oci:absent', 'localhost:1/a'], says: /OCI layout .*absent/ },
    { argv: ['migrate', '--style', 'odd', '-'], says: /--style "odd" is none of portable, per-arch/ },
  ];
  for (const { argv, says, code = 2 } of wrong) {
    it(`mabuild ${argv.join(' ')}: exit ${code}`, async () => {
      await writeFile(join(directory, 'none.txt'), '');
      const answer = await run(argv);
      expect(answer.stderr).to.match(says);
      expect(answer.stderr).to.match(/^error: /);
      expect(answer.stdout).to.equal('');
      expect(answer.code).to.equal(code);
    });
  }

  it('answers its bare name with the help', async () => {
    const answer = await run(['--no-color']);
    expect(answer).to.include({ code: 0, stderr: '' });
    expect(answer.stdout).to.match(/^Usage: mabuild /);
  });

  it('writes an error as one JSON document with --format json', async () => {
    const answer = await run(['check', '--format', 'json', 'absent']);
    const document = JSON.parse(answer.stderr);
    expect(document.version).to.equal(1);
    expect(document.error.code).to.equal('FILE_NOT_FOUND');
    expect(document.error.hint).to.be.a('string');
    expect(answer.code).to.equal(2);
  });

  it('takes global flags before the name of a command and after it', async () => {
    const lines = async (argv: readonly string[]): Promise<number> =>
      (await run(argv)).stderr.trimEnd().split('\n').length;
    const short = await lines(['check', 'absent']);
    for (const argv of [
      ['--debug', 'check', 'absent'],
      ['check', '--debug', 'absent'],
    ])
      expect(await lines(argv), argv.join(' ')).to.be.greaterThan(short);
    await writeFile(join(directory, 'Dockerfile'), 'FROM node:24\n');
    await writeFile(join(directory, 'one.json'), '{ "platforms": ["linux/arm/v7"] }');
    await writeFile(join(directory, 'two.json'), '{ "platforms": ["linux/arm64"] }');
    const check = ['check', '--offline'];
    expect((await run(['--config', 'one.json', '--no-color', ...check])).code).to.equal(1);
    expect((await run(['--config', 'two.json', ...check])).code).to.equal(0);
    expect((await run(['--config=one.json', ...check, '--config', 'two.json'])).code).to.equal(0);
    const mirrors = ['--mirror', 'docker.io', ...check, '--mirror', 'a=http://localhost'];
    expect((await run(mirrors)).stderr).to.match(/--mirror "docker.io" is not HOST=URL/);
  });

  it('shows a syntax error with line, column and carets', async () => {
    await writeFile(join(directory, 'Dockerfile'), 'FROM busybox\nRUNN true\n');
    const answer = await run(['check', '--offline']);
    expect(answer.code).to.equal(2);
    expect(answer.stderr).to.match(/Dockerfile:2:1/);
    expect(answer.stderr).to.match(/2 \| RUNN true\n +\| \^{4}/);
  });

  it('goes on past a file that is no Dockerfile when there are several', async () => {
    await writeFile(join(directory, 'Dockerfile'), 'FROM node:24\n');
    await writeFile(join(directory, 'Dockerfile.broken'), 'FROM busybox\n\nRUNN x\n');
    const answer = await run(['check', '--offline', '--platform', 'linux/arm/v7', '--format', 'json', '.']);
    const { files } = JSON.parse(answer.stdout);
    expect(
      files.map((file: { path: string; findings: { rule: string; line: number; column: number }[] }) => [
        file.path,
        ...file.findings.map(({ rule, line, column }) => `${rule} ${line}:${column}`),
      ]),
    ).to.deep.equal([
      ['Dockerfile', 'base-image-lacks-platform 1:6'],
      ['Dockerfile.broken', 'syntax 3:1'],
    ]);
    expect(answer.code).to.equal(1);
  });

  it('finds a base without the platform offline, and exits 1', async () => {
    await writeFile(join(directory, 'Dockerfile'), 'FROM node:24\nRUN node --version\n');
    const answer = await run(['check', '--offline', '--platform', 'linux/arm/v7', '--format', 'json']);
    const [file] = JSON.parse(answer.stdout).files;
    expect(file.path).to.equal('Dockerfile');
    expect(file.findings[0]).to.include({
      rule: 'base-image-lacks-platform',
      severity: 'error',
      line: 1,
      column: 6,
    });
    expect(answer.code).to.equal(1);
    const ignored = await run([
      'check',
      '--offline',
      '--platform',
      'linux/arm/v7',
      '--rule',
      'base-image-lacks-platform=off',
    ]);
    expect(ignored.code).to.equal(0);
    const lenient = await run([
      'check',
      '--offline',
      '--platform',
      'linux/arm/v7',
      '--failure-threshold',
      'none',
    ]);
    expect(lenient.code).to.equal(0);
  });

  it('writes a page with what migrate makes of each file, and says how large it is', async () => {
    await writeFile(join(directory, 'Dockerfile'), 'FROM amd64/debian:bookworm\n');
    const answer = await run(['check', '--offline', '--format', 'html', '.']);
    expect(answer.stdout)
      .to.match(/^<!doctype html>/)
      .and.match(/<\/html>\n$/);
    expect(answer.stdout).to.match(/<ins>.*FROM debian:bookworm<\/span><\/ins>/);
    expect(answer.stderr).to.match(/^a page of [\d.]+ kB about 1 files?\n$/);
    expect(answer.code).to.equal(1);
  });

  it('lists rules and explains one', async () => {
    const all = await run(['rules']);
    expect(all.stdout)
      .to.match(/^RULE +SEVERITY +FIX +SUMMARY\n/)
      .and.match(/^x86-namespace +error +auto/m);
    const one = await run(['rules', 'x86-namespace']);
    expect(one.stdout).to.match(/^x86-namespace\n[\s\S]*\nBad\n {2}FROM amd64\//);
    const { rules } = JSON.parse((await run(['rules', 'x86-namespace', '--format', 'json'])).stdout);
    expect(rules).to.have.length(1);
    expect(rules[0].page.bad).to.match(/^FROM amd64\//);
  });

  it('migrates per architecture beside the file, never over it', async () => {
    const text = 'FROM ubuntu:22.04\nRUN true\n';
    await writeFile(join(directory, 'Dockerfile'), text);
    const flags = ['migrate', '--offline', '--style', 'per-arch', '--platform', 'linux/arm64,linux/arm/v7'];
    const shown = await run(flags);
    expect(shown.stdout).to.match(/^\+FROM --platform=linux\/arm\/v7 arm32v7\/ubuntu:22\.04/m);
    expect(await readdir(directory)).to.not.include('Dockerfile.arm32v7');
    expect((await run([...flags, '--check'])).code).to.equal(1);
    expect((await run([...flags, '--write'])).code).to.equal(0);
    expect(await readFile(join(directory, 'Dockerfile'), 'utf8')).to.equal(text);
    const written = await readFile(join(directory, 'Dockerfile.arm32v7'), 'utf8');
    expect(written).to.match(/FROM --platform=linux\/arm\/v7 arm32v7\/ubuntu:22\.04/);
    expect(await readdir(directory)).to.include('Dockerfile.arm64v8');
  });

  it('says that migrate has nothing to change', async () => {
    await writeFile(join(directory, 'Dockerfile'), 'FROM debian:13\nRUN true\n');
    const answer = await run(['migrate', '--offline', '--platform', 'linux/arm64,linux/arm/v7']);
    expect(answer).to.include({
      code: 0,
      stdout: '',
      stderr: 'nothing to change for linux/arm64, linux/arm/v7\n',
    });
    const json = await run(['migrate', '--offline', '--format', 'json']);
    expect(json.stderr).to.equal('');
  });

  it('reads a Dockerfile from standard input', async () => {
    const answer = await run(
      ['migrate', '--offline', '--style', 'per-arch', '--platform', 'linux/arm/v7', '--output', '-', '-'],
      'FROM ubuntu:22.04\n',
    );
    expect(answer.stdout).to.match(/arm32v7\/ubuntu:22\.04/);
    expect(answer.code).to.equal(0);
  });

  it('exits 3 and lists what was tried when there is no engine', async () => {
    await writeFile(join(directory, 'Dockerfile'), 'FROM busybox\n');
    const answer = await run(['build', '.']);
    if (!answer.stderr.includes('NO_ENGINE')) return;
    expect(answer.code).to.equal(3);
    expect(answer.stderr).to.match(/docker\.sock/);
  });

  it('never falls back from a named endpoint', async () => {
    await writeFile(join(directory, 'Dockerfile'), 'FROM busybox\n');
    const world = fakeIo({
      workingDirectory: directory,
      environment: { HOME: directory, DOCKER_HOST: `unix://${join(directory, 'absent.sock')}` },
    });
    expect(await runProgram(world.io, ['build', '.'])).to.equal(3);
    await tick();
    expect(world.stderr()).to.include('absent.sock').and.include('DOCKER_HOST');
  });

  it('exits 130 when it was interrupted', async () => {
    const controller = new AbortController();
    controller.abort(new Interrupted('SIGINT'));
    const world = fakeIo({
      workingDirectory: directory,
      environment: { HOME: directory },
      signal: controller.signal,
    });
    await writeFile(join(directory, 'Dockerfile'), 'FROM busybox\n');
    expect(await runProgram(world.io, ['inspect', 'localhost:1/a'])).to.equal(130);
  });
});
