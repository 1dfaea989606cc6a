import type { Instruction, Range } from './model.ts';

/** Makes the error of one place. */
export type Refuse = (range: Range, message: string, hint?: string) => Error;

type FlagKind = 'bool' | 'string' | 'strings';
type FlagKinds = Readonly<Record<string, FlagKind>>;

const copyFlags: FlagKinds = { chown: 'string', chmod: 'string', link: 'bool', exclude: 'strings' };
const flagKinds: Readonly<Record<string, FlagKinds>> = {
  FROM: { platform: 'string' },
  COPY: { ...copyFlags, from: 'string', parents: 'bool' },
  ADD: { ...copyFlags, 'keep-git-dir': 'bool', checksum: 'string', unpack: 'bool' },
  RUN: { mount: 'strings', network: 'string', security: 'string', device: 'strings' },
  HEALTHCHECK: {
    interval: 'string',
    timeout: 'string',
    'start-period': 'string',
    'start-interval': 'string',
    retries: 'string',
  },
};

/** Refuses flags that the instruction does not have, twice-given ones and wrong kinds of values. */
export function validateFlags(instruction: Instruction, refuse: Refuse): void {
  const kinds = flagKinds[instruction.keyword] ?? {};
  const used = new Set<string>();
  for (const flag of instruction.flags) {
    const { name, value, range } = flag;
    const kind = Object.hasOwn(kinds, name) ? kinds[name] : undefined;
    if (kind === undefined) {
      const known = Object.keys(kinds).map((key) => `--${key}`);
      const hint = known.length > 0 ? `${instruction.keyword} takes ${known.join(', ')}` : undefined;
      throw refuse(range, `unknown flag: --${name}`, hint ?? `${instruction.keyword} takes no flags`);
    }
    if (used.has(name) && kind !== 'strings') throw refuse(range, `duplicate flag specified: --${name}`);
    used.add(name);
    if (kind === 'bool' ? value === '' : value === undefined) {
      throw refuse(range, `missing a value on flag: --${name}`, `write --${name}=value`);
    }
    if (kind === 'bool' && value !== undefined && !/^(?:true|false)$/i.test(value)) {
      throw refuse(
        flag.valueRange ?? range,
        `expecting boolean value for flag --${name}, not: ${value}`,
        `write --${name} or --${name}=false`,
      );
    }
  }
}
