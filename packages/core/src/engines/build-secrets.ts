/** What the mounts of RUN may take from whoever builds: no part of an image, a cache key or a message. */
export interface BuildSecrets {
  /** Reads a secret when a RUN wants it; `undefined` when there is none of this id. */
  secret(id: string): Promise<Uint8Array | undefined>;
  /** Path of an SSH agent's socket; `undefined` when there is no agent of this id. */
  agent(id: string): string | undefined;
}
