#!/usr/bin/env node
// CommonJS, as package.json beside it says: ES modules take a fifth longer to start.
require('../dist/bin/main.cjs').main(process);
