/** Starts the worker of `check` as it is written, before it is built. */
import { register } from 'tsx/esm/api';

register();
await import('../../packages/cli/src/check-thread.ts');
