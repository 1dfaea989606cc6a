import { spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { Platform } from '@mabuild/oci';
import { machineFile } from './machines.ts';

/** One shell text with what surrounds it. */
export interface Script {
  readonly text: string;
  readonly directory: string;
  readonly environment: Readonly<Record<string, string>>;
  /** The machine that uname and its kin tell of. */
  readonly platform: Platform;
}

export interface Trace {
  /** `undefined`: the shell cannot read the text. */
  readonly status: number | 'killed' | undefined;
  /** The commands in order, their words parted by {@link wordMark}, then the files that were written. */
  readonly calls: readonly string[];
}

/** Parts the words of a call. */
export const wordMark = '\x1f';

/** Programs of this machine that only turn texts into texts. */
const tools = [
  ...[
    'awk',
    'basename',
    'cat',
    'cut',
    'dirname',
    'env',
    'expr',
    'fold',
    'head',
    'ln',
    'mkdir',
    'paste',
    'printf',
  ],
  ...[
    'readlink',
    'rev',
    'seq',
    'sort',
    'tac',
    'tail',
    'test',
    '[',
    'tr',
    'true',
    'false',
    'uniq',
    'wc',
    'xargs',
  ],
];
const folders = [
  'tmp',
  'etc',
  'root',
  'usr/bin',
  'usr/local/bin',
  'bin',
  'opt',
  'home',
  'var/lib',
  'srv',
  'run',
];
const bin = '/usr/bin';
// Long enough for a machine with other work to do: a text that ends in time must always do so.
const milliseconds = 10_000;
const cannotRead = 125;

/** A shell behind bubblewrap: no network, a fresh root for each text, every command a stub. */
export interface Sandbox {
  run(script: Script): Promise<Trace>;
  close(): Promise<void>;
}

/** Tells why no sandbox can be made here; `undefined` when one can. */
export async function whyNoSandbox(): Promise<string | undefined> {
  if (!existsSync(join(bin, 'dash'))) return 'dash is not installed';
  const code = await start(['--ro-bind', '/', '/', join(bin, 'dash'), '-c', 'exit 0']).catch(() => undefined);
  if (code === undefined) return 'bubblewrap (bwrap) is not installed';
  return code === 0 ? undefined : 'bubblewrap may make no namespaces here';
}

export function openSandbox(): Sandbox {
  const folder = mkdtempSync(join(tmpdir(), 'mabuild-trace-'));
  const stubs = join(folder, 'stubs');
  const chosen = join(folder, 'tools');
  mkdirSync(stubs);
  mkdirSync(chosen);
  const source = (name: string): string => readFileSync(new URL(name, import.meta.url), 'utf8');
  writeFileSync(join(stubs, '.stub'), source('stub.sh').replaceAll('@US@', wordMark));
  chmodSync(join(stubs, '.stub'), 0o755);
  for (const name of tools.filter((tool) => existsSync(join(bin, tool)))) {
    // awk and its kin are links into a folder that the sandbox does not have.
    symlinkSync(`/.real/${basename(realpathSync(join(bin, name)))}`, join(chosen, name));
  }
  const prelude = source('prelude.sh');
  // mkdir and ln are told of too; the stub calls the real ones.
  const known = new Set(tools.filter((name) => name !== 'mkdir' && name !== 'ln'));
  const done = new Map<string, Promise<Trace>>();
  let number = 0;

  const stub = (text: string): void => {
    for (const [name] of text.matchAll(/[A-Za-z0-9_][\w.+-]*/g)) {
      if (known.has(name) || name.length > 60) continue;
      known.add(name);
      symlinkSync('.stub', join(stubs, name));
    }
  };
  stub('sh bash ash curl wget v1.2.3 1.2.3');

  const runFresh = async (script: Script): Promise<Trace> => {
    number += 1;
    const root = join(folder, `root${number}`);
    try {
      stub(script.text);
      for (const value of Object.values(script.environment)) if (value.length < 200) stub(value);
      furnish(root, script, prelude);
      const status = await start(sandboxArguments(root, { stubs, chosen }, script));
      if (status === cannotRead) return { status: undefined, calls: [] };
      return { status, calls: [...(await callsOf(root)), ...(await writtenFiles(root))] };
    } finally {
      await rm(root, { recursive: true, force: true });
    }
  };

  return {
    run(script) {
      const visible = { ...script, environment: visibleTo(script) };
      const key = JSON.stringify(visible);
      const running = done.get(key) ?? runFresh(visible);
      done.set(key, running);
      return running;
    },
    close: () => rm(folder, { recursive: true, force: true }),
  };
}

/** The variables that a text can see: those that it names, or all when it can ask for any. */
function visibleTo({ text, environment }: Script): Readonly<Record<string, string>> {
  if (/\beval\b|\bprintenv\b|\benv\b|\bexport -p|\bset *(?:$|[;&|\n])|envsubst/.test(text))
    return environment;
  return Object.fromEntries(
    Object.entries(environment)
      .filter(([name]) => text.includes(name) || name === 'PATH' || name === 'HOME')
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

function furnish(root: string, { text, directory, platform }: Script, prelude: string): void {
  for (const folder of folders) mkdirSync(join(root, folder), { recursive: true });
  for (const [, path = ''] of text.matchAll(/>{1,2} *["']?(\/[^\s"';&|)$]*)/g))
    makeFolder(root, dirname(`${path}x`));
  makeFolder(root, directory);
  for (const [, path = ''] of text.matchAll(/(?:^|[;&|{(\n]) *\. +["']?(\/[^\s"';&|)$]+)/g)) {
    makeFolder(root, dirname(path));
    if (!existsSync(join(root, path))) writeFileSync(join(root, path), '');
  }
  mkdirSync(join(root, '.trace'));
  const write = (name: string, content: string): void => writeFileSync(join(root, '.trace', name), content);
  write('platform', machineFile(platform));
  write('programs', programs(text).join(''));
  write('log', '');
  write('script', text);
  write('run', `${prelude}\n${text}\n`);
  symlinkSync('/.real/dash', join(root, 'bin/sh'));
  symlinkSync('/.stubs/.stub', join(root, 'bin/bash'));
  symlinkSync('/.real/env', join(root, 'usr/bin/env'));
}

function makeFolder(root: string, path: string): void {
  if (/^\/(?:proc|dev|sys|\.)/.test(path)) return;
  mkdirSync(join(root, path), { recursive: true });
}

/** Programs that a text calls by a path: `./configure`, `/usr/sbin/a2enmod`, `tool-${arch}/bin/tool`. */
function programs(text: string): readonly string[] {
  const call =
    /(?:^|[;&|{(!\n`]|\bthen\b|\bdo\b|\belse\b|\bexec\b|\bsudo\b|\benv\b)\s*(?:\w+=\S*\s+)*((?:\.{1,2}|(?:[\w.-]|\$\{\w+\})+)?\/(?:[\w./+-]|\$\{\w+\})*\w\}?)(?=[\s;&|)]|$)/g;
  return [...new Set([...text.matchAll(call)].map(([, path]) => `${path}\n`))].filter(
    (path) => !/^\/(?:dev|proc|sys|bin\/(?:ba)?sh\n)/.test(path),
  );
}

function sandboxArguments(
  root: string,
  { stubs, chosen }: { stubs: string; chosen: string },
  { directory, environment }: Script,
): readonly string[] {
  const path = ['/.stubs', '/.tools', environment.PATH ?? '/usr/local/bin:/usr/bin:/bin'].join(':');
  const variables = { HOME: '/root', ...environment, PATH: path };
  return [
    ...['--bind', root, '/', '--proc', '/proc', '--dev', '/dev'],
    ...['--ro-bind', bin, '/.real', '--ro-bind', '/usr/lib', '/usr/lib', '--ro-bind', '/lib', '/lib'],
    ...['--ro-bind-try', '/lib64', '/lib64', '--ro-bind', stubs, '/.stubs', '--ro-bind', chosen, '/.tools'],
    '--clearenv',
    ...Object.entries(variables).flatMap(([name, value]) =>
      /^\w+$/.test(name) ? ['--setenv', name, value] : [],
    ),
    ...['--chdir', directory, '/.real/dash', '-c'],
    `/.real/dash -n /.trace/script 2>/dev/null || exit ${cannotRead}; exec /.real/dash /.trace/run`,
  ];
}

function start(args: readonly string[]): Promise<number | 'killed'> {
  return new Promise((resolve, reject) => {
    const child = spawn('bwrap', ['--unshare-all', '--die-with-parent', '--new-session', ...args], {
      stdio: ['ignore', 'ignore', 'ignore'],
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), milliseconds);
    child.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.once('exit', (code) => {
      clearTimeout(timer);
      resolve(code ?? 'killed');
    });
  });
}

async function callsOf(root: string): Promise<readonly string[]> {
  const log = await readFile(join(root, '.trace/log'), 'utf8');
  return log.split('\x1e').filter((call) => call !== '');
}

/** What redirections wrote: `file /etc/apt/sources.list.d/x.list: deb …`. */
async function writtenFiles(root: string): Promise<readonly string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length))
    .filter((path) => !path.startsWith('/.trace/'))
    .sort();
  const files = await Promise.all(
    paths.map(async (path) => `file${wordMark}${path}${wordMark}${await readFile(join(root, path), 'utf8')}`),
  );
  return files.filter((file) => !file.endsWith(wordMark));
}
