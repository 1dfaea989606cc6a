/** Loaded when an engine is needed: all of core comes with it. */
export { detectEngine } from '@mabuild/core';
