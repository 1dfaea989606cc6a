/** The command as it is written, for tests that start it without a build: node --conditions=@mabuild/source --import=tsx. */
import { main } from '../../packages/cli/src/main.ts';

await main(process);
