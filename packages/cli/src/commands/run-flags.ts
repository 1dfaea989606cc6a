import { isIP } from 'node:net';
import { type Ulimit, type UlimitName, ulimitNumbers } from '@mabuild/core';
import { MabuildError } from '@mabuild/oci';

/**
 * Reads `--add-host NAME:ADDRESS`, also with `=`; the address may be `host-gateway`.
 * @throws MabuildError `USAGE`
 */
export function hostsOf(
  values: readonly string[] | undefined,
): readonly { readonly name: string; readonly address: string }[] {
  return (values ?? []).map((text) => {
    const at = text.search(/[:=]/);
    const name = text.slice(0, at);
    const address = text.slice(at + 1).replace(/^\[(.*)\]$/, '$1');
    if (at > 0 && !/\s/.test(name) && (isIP(address) !== 0 || address === 'host-gateway'))
      return { name, address };
    throw new MabuildError(`--add-host ${JSON.stringify(text)} is not NAME:ADDRESS`, {
      code: 'USAGE',
      hint: 'the address is an IP address or host-gateway',
    });
  });
}

/** Reads `--shm-size`, bytes or with `k`, `m` or `g`. @throws MabuildError `USAGE` */
export function bytesOf(flag: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([bkmgt]?)(?:i?b)?$/i.exec(text);
  const power = ' kmgt'.indexOf((match?.[2] ?? '').toLowerCase().replace('b', '') || ' ');
  const size = match === null ? 0 : Math.floor(Number(match[1]) * 1024 ** power);
  if (size > 0 && Number.isSafeInteger(size)) return size;
  throw new MabuildError(`${flag} ${JSON.stringify(text)} is no size`, {
    code: 'USAGE',
    hint: 'write bytes, or a number with k, m or g: 128m',
  });
}

/** Reads `--ulimit TYPE=SOFT[:HARD]`; -1 is no limit. @throws MabuildError `USAGE` */
export function ulimitsOf(values: readonly string[] | undefined): readonly Ulimit[] {
  return (values ?? []).map((text) => {
    const [, name = '', first = '', second] = /^(\w+)=(-1|\d{1,15})(?::(-1|\d{1,15}))?$/.exec(text) ?? [];
    const [soft, hard] = [Number(first), Number(second ?? first)];
    const isOrdered = hard === -1 || (soft !== -1 && soft <= hard);
    if (Object.hasOwn(ulimitNumbers, name) && isOrdered) return { name: name as UlimitName, soft, hard };
    throw new MabuildError(`--ulimit ${JSON.stringify(text)} is not TYPE=SOFT[:HARD]`, {
      code: 'USAGE',
      hint: `TYPE is one of ${Object.keys(ulimitNumbers).join(', ')}; the soft limit is at most the hard one`,
    });
  });
}
