import type { ImageConfig } from '../manifest.ts';
import type { ImageFile, ImageFiles } from './image-files.ts';

/** A file that a container of the image may start. */
export interface Program {
  readonly file: ImageFile;
  /** How it is started, e.g. `ENTRYPOINT`, `PATH`, `interpreter of /app/run`. */
  readonly why: string;
  /** Started by ENTRYPOINT, CMD or HEALTHCHECK itself, not only there for people to start. */
  readonly primary: boolean;
}

/** What Linux and docker take when a config sets no PATH. */
const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const shells: ReadonlySet<string> = new Set(['sh', 'bash', 'ash', 'dash', 'zsh', 'ksh']);
const mostShebangs = 5;

/** The variables that a config sets. */
export function configEnvironment(config: ImageConfig): ReadonlyMap<string, string> {
  const pairs = (config.config?.Env ?? []).map((variable) => {
    const equals = variable.indexOf('=');
    return [variable.slice(0, Math.max(0, equals)), variable.slice(equals + 1)] as const;
  });
  return new Map(pairs);
}

/**
 * Finds every file that a container of the image may start: programs named by the config, then those on PATH, each
 * followed by the interpreters that it needs.
 */
export function entryPrograms(config: ImageConfig, files: ImageFiles): Program[] {
  const environment = configEnvironment(config);
  const workingDirectory = config.config?.WorkingDir || '/';
  const folders = (environment.get('PATH') ?? defaultPath)
    .split(':')
    .filter((folder) => folder.startsWith('/'));
  const programs: Program[] = [];

  const resolve = (word: string): ImageFile | undefined => {
    if (word.includes('/')) {
      return files.find(word.startsWith('/') ? word : `${workingDirectory}/${word}`);
    }
    return folders.map((folder) => files.find(`${folder}/${word}`)).find(isExecutable);
  };
  const add = (file: ImageFile, why: string, primary: boolean, depth = 0): void => {
    programs.push({ file, why, primary });
    if (file.kind !== 'script' || depth >= mostShebangs) {
      return;
    }
    const { interpreter, argument = '' } = file.file;
    const reason = `interpreter of /${file.path}`;
    const started = files.find(interpreter);
    if (started !== undefined) {
      add(started, reason, primary, depth + 1);
    }
    const word = /(?:^|\/)env$/.test(interpreter) ? envCommand(argument) : undefined;
    const named = word === undefined ? undefined : resolve(word);
    if (named !== undefined) {
      add(named, reason, primary, depth + 1);
    }
  };
  const addCommand = (words: readonly string[], why: string): void => {
    const [program, ...args] = words;
    if (program === undefined) {
      return;
    }
    const started = resolve(program);
    if (started !== undefined) {
      add(started, why, true);
    }
    if (isEmulator(program)) {
      return;
    }
    const script = shells.has(baseName(program)) && /^-[a-z]*c$/.test(args[0] ?? '') ? args[1] : undefined;
    for (const command of script === undefined ? [] : shellCommands(script, environment)) {
      addCommand(command, why);
    }
    for (const argument of args) {
      const file = argument.includes('/') && argument !== script ? resolve(argument) : undefined;
      if (file !== undefined && isExecutable(file)) {
        add(file, `argument of ${why}`, true);
      }
    }
  };

  const { Entrypoint, Cmd } = config.config ?? {};
  const entrypoint = Entrypoint ?? [];
  addCommand([...entrypoint, ...(Cmd ?? [])], entrypoint.length > 0 ? 'ENTRYPOINT' : 'CMD');
  addCommand(healthcheck(config), 'HEALTHCHECK');
  for (const folder of folders) {
    for (const file of files.list(folder).values()) {
      if (isExecutable(file)) {
        add(file, `on PATH, in ${folder}`, false);
      }
    }
  }
  return programs;
}

/** Tells whether a program's name says that it runs other machines' programs on purpose. */
export function isEmulator(path: string): boolean {
  return /^qemu-[a-z0-9_]+(?:-static)?$/.test(baseName(path));
}

export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

function isExecutable(file: ImageFile | undefined): file is ImageFile {
  return file !== undefined && file.kind !== 'other' && (file.file.mode & 0o111) !== 0;
}

function healthcheck(config: ImageConfig): readonly string[] {
  const test = (config.config?.Healthcheck as { readonly Test?: unknown } | null | undefined)?.Test;
  if (!Array.isArray(test) || !test.every((word) => typeof word === 'string')) {
    return [];
  }
  const [form, ...words] = test as string[];
  if (form === 'CMD-SHELL') {
    return ['/bin/sh', '-c', ...words];
  }
  return form === 'CMD' ? words : [];
}

/** The program that `env [-S] [NAME=value…] PROGRAM` starts. */
function envCommand(argument: string): string | undefined {
  return argument.split(/\s+/).find((word) => word !== '' && !word.startsWith('-') && !word.includes('='));
}

/**
 * The simple commands of a shell line, roughly: enough to find the programs that it names, and no more. What only a
 * shell could expand is not found.
 */
function shellCommands(line: string, environment: ReadonlyMap<string, string>): string[][] {
  const expanded = line.replaceAll(
    /\$(?:\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))/g,
    (whole, braced: string | undefined, bare: string | undefined) =>
      environment.get(braced ?? bare ?? '') ?? whole,
  );
  return expanded.split(/&&|\|\||[;|&\n(){}]/).map((command) => {
    const words = (command.match(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g) ?? []).map((word) =>
      word.replaceAll(/["']/g, ''),
    );
    const first = words.findIndex(
      (word) => !/^(?:[A-Za-z_]\w*=.*|exec|command|then|do|else|if|while|!)$/.test(word),
    );
    return first < 0 ? [] : words.slice(first);
  });
}
