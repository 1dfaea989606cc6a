import type { LayerEntry } from '../../layers/entry.ts';
import { type BatchCall, type ProgramPlace, runBatch } from '../calls/batch.ts';
import { errnoName } from '../calls/errno.ts';

/** What only system calls do, for a path of a layer. */
export interface NamedCall extends BatchCall {
  /** For messages. */
  readonly what: string;
  /** Nobody misses it where this user may not make it. */
  readonly dispensable?: boolean;
}

/** Makes system calls, and tells of those that fail. */
export function runNamed(
  place: ProgramPlace,
  calls: readonly NamedCall[],
  onFailed: (text: string) => void,
): void {
  for (const [index, result] of runBatch(place, calls).entries()) {
    if (result >= 0) continue;
    const { what, dispensable } = calls[index] as NamedCall;
    const name = errnoName(-result);
    if (!dispensable || name !== 'EPERM') onFailed(`${what} could not be made (${name})`);
  }
}

/** Makes a device or a pipe; `undefined` for the device that means something else. */
export function nodeCall(file: string, path: string, entry: LayerEntry): NamedCall | undefined {
  const device = deviceOf(entry);
  // A RUN has a /dev of its own.
  const dispensable = path.startsWith('dev/');
  return device && { ...call('mknodat', [-100, file, ...device], `the ${entry.type} /${path}`), dispensable };
}

/** Sets the attributes that are kept. */
export function attributeCalls(
  file: string,
  path: string,
  { xattrs = {} }: LayerEntry,
): readonly NamedCall[] {
  return Object.entries(xattrs)
    .filter(([name]) => isKeptAttribute(name))
    .map(([name, value]) => {
      const bytes = Buffer.from(value, 'base64');
      return call('lsetxattr', [file, name, bytes, bytes.length, 0], `the attribute ${name} of /${path}`);
    });
}

/** Says to overlayfs that what lies below at a path is gone. */
export function whiteoutCall(file: string, path: string): NamedCall {
  return call('mknodat', [-100, file, 0o020000, 0], `a whiteout at /${path}`);
}

/** Says to overlayfs that a folder hides what lies below. */
export function opaqueCall(file: string, path: string, marks: 'trusted' | 'user'): NamedCall {
  const given = [file, `${marks}.overlay.opaque`, Buffer.from('y'), 1, 0];
  return call('lsetxattr', given, `the mark of /${path} as opaque`);
}

/** Attributes of files that images bring and layers keep; those of overlayfs would make it show other files. */
export function isKeptAttribute(name: string): boolean {
  return name === 'security.capability' || (name.startsWith('user.') && !name.startsWith('user.overlay.'));
}

function call(name: BatchCall['name'], given: BatchCall['arguments'], what: string): NamedCall {
  return { name, arguments: given, what };
}

/** Mode and number for `mknod`; nobody but its owner may use it until it has its own mode. */
function deviceOf({ type, major = 0, minor = 0 }: LayerEntry): readonly [number, number] | undefined {
  if (type === 'fifo') return [0o010600, 0];
  // The device 0/0 is how overlayfs writes a whiteout: an image must not bring one as a device.
  if (major === 0 && minor === 0) return undefined;
  const kind = type === 'block-device' ? 0o060600 : 0o020600;
  return [kind, ((major & 0xfff) << 8) | (minor & 0xff) | ((minor & 0xfff00) << 12)];
}
