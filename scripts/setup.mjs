import { setup } from './lib/workspace.mjs';

await setup();
