import { main } from './lib/main.mjs';
import { setup } from './lib/workspace.mjs';

await main(setup);
