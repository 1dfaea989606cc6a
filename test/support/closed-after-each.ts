/** Closes whatever it is given when the test that asked for it has ended, the last one first. */
export function closedAfterEach(): <T extends { close(): Promise<void> }>(part: T) => T {
  const open: { close(): Promise<void> }[] = [];
  afterEach(async () => {
    for (const part of open.splice(0).reverse()) await part.close();
  });
  return (part) => {
    open.push(part);
    return part;
  };
}
