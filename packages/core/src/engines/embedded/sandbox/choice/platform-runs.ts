import { type CallOptions, type Platform, platformSatisfies } from '@mabuild/oci';
import type { Emulation } from '../../../../emulation/emulation.ts';
import {
  type ChosenSandbox,
  chooseSandbox,
  noSandbox,
  prepareSandbox,
  type SandboxChoice,
  type SandboxOptions,
  sandboxOrder,
} from './choose.ts';
import { type PlatformRun, platformRun, throughProot } from './emulators.ts';
import { fileMark, worldFingerprint } from './world.ts';

/** How programs of each platform run here; found out once, and remembered between builds. */
export interface PlatformRuns {
  /** Which sandboxes work, tried by this process. */
  choice(call: CallOptions): Promise<SandboxChoice>;
  of(platform: Platform, call: CallOptions): Promise<PlatformRun>;
  /** How programs of a platform run with proot, which pretends users; `undefined` when they do not. */
  withProot(platform: Platform, call: CallOptions): Promise<PlatformRun | undefined>;
  /**
   * Tries anew what an earlier build remembered and what now did not work.
   * @returns how programs run now; `undefined` when nothing has changed, so that it failed for another reason
   */
  changed(platform: Platform, used: PlatformRun, call: CallOptions): Promise<PlatformRun | undefined>;
}

const kind = 'sandbox';
const format = 1;

interface Remembered {
  readonly kind: ChosenSandbox['kind'];
  readonly fileSystem: ChosenSandbox['fileSystem'];
  readonly ids: ChosenSandbox['site']['ids'];
  readonly emulators: PlatformRun['emulators'];
  readonly marks: readonly unknown[];
  readonly emulation: Emulation;
}

export function createPlatformRuns(options: SandboxOptions): PlatformRuns {
  const { memory } = options;
  const once = createOnce();
  const remembered = new WeakSet<PlatformRun>();
  const runs = new Map<string, Promise<PlatformRun>>();
  const choice = (call: CallOptions): Promise<SandboxChoice> =>
    once('choice', () => chooseSandbox(options, call));
  const memoryKey = async (key: string): Promise<string> =>
    `${format} ${key} ${(await once('world', () => worldFingerprint(options))) as string}`;
  const find = async (platform: Platform, key: string, call: CallOptions): Promise<PlatformRun> => {
    const { chosen, tried } = await choice(call);
    if (chosen === undefined) throw noSandbox(tried);
    const run = isTried(chosen, platform, options)
      ? { sandbox: chosen, emulators: [], emulation: { kind: 'native' } as const }
      : await platformRun(options, chosen, platform, call);
    // What is missing may be installed, and what is bad may get better, any time.
    if (run.emulation.kind !== 'none' && run.sandbox.kind !== 'proot')
      await memory?.set(kind, await memoryKey(key), await toRemember(run));
    return run;
  };
  const recall = async (key: string): Promise<PlatformRun | undefined> => {
    if (memory === undefined) return undefined;
    const run = await recalled(await memory.get(kind, await memoryKey(key)), options);
    if (run !== undefined) remembered.add(run);
    return run;
  };
  const start = (key: string, work: () => Promise<PlatformRun>): Promise<PlatformRun> => {
    const started = work();
    started.catch(() => runs.delete(key));
    runs.set(key, started);
    return started;
  };
  return {
    choice,
    of(platform, call) {
      const key = keyOf(platform);
      return (
        runs.get(key) ?? start(key, async () => (await recall(key)) ?? (await find(platform, key, call)))
      );
    },
    async withProot(platform, call) {
      if (!sandboxOrder(options).some(([kind]) => kind === 'proot')) return undefined;
      const run = await once(`proot ${keyOf(platform)}`, () => throughProot(options, platform, call));
      return run.emulation.kind === 'none' ? undefined : { ...run, pretendsUsers: true };
    },
    async changed(platform, used, call) {
      if (!remembered.has(used)) return undefined;
      const key = keyOf(platform);
      const known = await runs.get(key)?.catch(() => undefined);
      const now = await (known !== undefined && known !== used
        ? known
        : start(key, async () => {
            await memory?.set(kind, await memoryKey(key), null);
            return await find(platform, key, call);
          }));
      return sameRun(now, used) ? undefined : now;
    },
  };
}

/** Remembers what works end well with; what failed or was stopped may be asked for again. */
function createOnce(): <T>(name: string, work: () => Promise<T>) => Promise<T> {
  const works = new Map<string, Promise<unknown>>();
  return <T>(name: string, work: () => Promise<T>): Promise<T> => {
    const started = works.get(name) ?? work();
    works.set(name, started);
    started.catch(() => works.delete(name));
    return started as Promise<T>;
  };
}

function keyOf({ os, architecture, variant }: Platform): string {
  return JSON.stringify([os, architecture, variant]);
}

/** Choosing ran a program of this machine in it. */
function isTried({ kind }: ChosenSandbox, platform: Platform, { platform: host }: SandboxOptions): boolean {
  return kind !== 'proot' && platformSatisfies(platform, host) && platform.architecture === host.architecture;
}

async function toRemember({ sandbox, emulators, emulation }: PlatformRun): Promise<Remembered> {
  return {
    ...{ kind: sandbox.kind, fileSystem: sandbox.fileSystem, ids: sandbox.site.ids, emulators, emulation },
    marks: await marksOf(emulators),
  };
}

/** What was remembered, as far as it still fits what can be seen. */
async function recalled(value: unknown, options: SandboxOptions): Promise<PlatformRun | undefined> {
  if (!isRemembered(value)) return undefined;
  const { emulators, emulation, fileSystem } = value;
  if (!sandboxOrder(options).some((item) => item[0] === value.kind && item[1] === fileSystem))
    return undefined;
  if (!same(await marksOf(emulators), value.marks)) return undefined;
  const sandbox = await prepareSandbox(options, value.kind, fileSystem);
  return same(sandbox.site.ids, value.ids) ? { sandbox, emulators, emulation } : undefined;
}

async function marksOf(emulators: PlatformRun['emulators']): Promise<readonly unknown[]> {
  return await Promise.all(emulators.map(({ file }) => fileMark(file)));
}

function isRemembered(value: unknown): value is Remembered {
  const { kind, emulation, emulators } = (value ?? {}) as Partial<Remembered>;
  if (kind === 'proot' || !Array.isArray(emulators)) return false;
  return emulation?.kind === 'native' || emulation?.kind === 'binfmt';
}

function sameRun(a: PlatformRun, b: PlatformRun): boolean {
  const facts = ({ sandbox, emulators, emulation }: PlatformRun): unknown => [
    ...[sandbox.kind, sandbox.fileSystem, sandbox.site.ids, emulators, emulation.kind],
  ];
  return same(facts(a), facts(b));
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
