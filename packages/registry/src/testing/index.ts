export type { RegistryFault } from './fault.ts';
export type { StoredContent } from './state.ts';
export type { TestAuth } from './test-authority.ts';
export {
  type LoggedRequest,
  startTestRegistry,
  type TestRegistry,
  type TestRegistryOptions,
} from './test-registry.ts';
