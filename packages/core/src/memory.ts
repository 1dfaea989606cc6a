export { type Memory, openMemory } from '@mabuild/oci';
