import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** A suite that judges with a tool; where the tool is absent it is skipped with the reason, or fails on `MABUILD_REQUIRE_TOOLS=1`. */
export function requireTool(name: string, title: string, suite: (this: Mocha.Suite) => void): void {
  if (hasTool(name)) {
    describe(title, suite);
    return;
  }
  if (process.env.MABUILD_REQUIRE_TOOLS === '1') {
    throw new Error(`${title}: ${name} is not installed and MABUILD_REQUIRE_TOOLS=1`);
  }
  describe.skip(`${title} (skipped: ${name} is not installed)`, () => {
    it(`needs ${name}`, () => undefined);
  });
}

function hasTool(name: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
