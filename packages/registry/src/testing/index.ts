export type { RegistryBehaviour } from './behaviour.ts';
export type { StoredContent } from './contents.ts';
export type { RegistryFault } from './fault.ts';
export type { LoggedRequest } from './handler.ts';
export type { TestTls } from './listener.ts';
export type { RegistryPhase } from './phase.ts';
export { profiles, type RegistryProfile } from './profiles.ts';
export type { TestAuth } from './test-authority.ts';
export { startTestRegistry, type TestRegistry, type TestRegistryOptions } from './test-registry.ts';
