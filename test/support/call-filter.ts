/** What the kernel would answer. @param argument the first one, its lower half */
export function filterAnswer(
  filter: Uint8Array,
  {
    call,
    audit,
    argument = 0,
  }: { readonly call: number; readonly audit: number; readonly argument?: number },
): number {
  const view = new DataView(filter.buffer, filter.byteOffset, filter.byteLength);
  const data: Readonly<Record<number, number>> = { 0: call, 4: audit, 16: argument };
  let value = 0;
  for (let at = 0; ; at += 1) {
    const operation = view.getUint16(at * 8, true);
    const [ifTrue, ifFalse] = [view.getUint8(at * 8 + 2), view.getUint8(at * 8 + 3)];
    const operand = view.getUint32(at * 8 + 4, true);
    if (operation === 0x06) return operand;
    if (operation === 0x20) value = data[operand] ?? 0;
    else if (operation === 0x15) at += value === operand ? ifTrue : ifFalse;
    else if (operation === 0x35) at += value >= operand ? ifTrue : ifFalse;
    else throw new Error(`the instruction ${operation} is unknown`);
  }
}
