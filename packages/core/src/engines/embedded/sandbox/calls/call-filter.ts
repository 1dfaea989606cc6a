/** Of the classic Berkeley packet filter. */
export type FilterInstruction = readonly [operation: number, ifTrue: number, ifFalse: number, value: number];

export const load = 0x20;
export const jumpIfEqual = 0x15;
export const jumpIfAtLeast = 0x35;
export const answer = 0x06;
export const allow = 0x7fff0000;

/** What a filter can load: offsets in `struct seccomp_data`. */
export const offsets = { call: 0, architecture: 4, firstArgument: 16 } as const;

/** Lets a call answer an error, by Linux's number. */
export function refuseWith(errno: number): number {
  return 0x00050000 | errno;
}

/** A filter of system calls in the form that the kernel takes: Linux, `Documentation/userspace-api/seccomp_filter.rst`. */
export function filterBytes(code: readonly FilterInstruction[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(code.length * 8));
  for (const [index, [operation, ifTrue, ifFalse, value]] of code.entries()) {
    view.setUint16(index * 8, operation, true);
    view.setUint8(index * 8 + 2, ifTrue);
    view.setUint8(index * 8 + 3, ifFalse);
    view.setUint32(index * 8 + 4, value, true);
  }
  return new Uint8Array(view.buffer);
}
