import { main } from './lib/main.mjs';
import { build } from './lib/workspace.mjs';

await main(build);
