/**
 * Waits until a check passes, 10 s at most: an engine cleans up after a connection is gone, not before.
 *
 * @throws what the check threw last.
 */
export async function eventually(check: () => Promise<unknown>): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      await check();
      return;
    } catch (error) {
      if (attempt === 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
