import {
  type CallOptions,
  type CredentialSource,
  formatPlatform,
  formatReference,
  type ImageReference,
  MabuildError,
  type Platform,
} from '@mabuild/oci';
import type { DockerClient } from './client.ts';
import { errorOfMessage, readMessages } from './messages.ts';
import { type AuthConfig, authConfigKey, encodeRegistryAuth, toAuthConfig } from './registry-auth.ts';

export interface PullOptions extends CallOptions {
  readonly credentials: CredentialSource;
  readonly platform: Platform;
}

/** Makes the engine pull an image, by its digest where the reference has one. @throws MabuildError `PULL_FAILED`. */
export async function pullImage(
  client: DockerClient,
  reference: ImageReference,
  options: PullOptions,
): Promise<void> {
  const { signal, platform } = options;
  const credential = await options.credentials.credentialFor(reference.registry, {
    repository: reference.repository,
    signal,
  });
  const { registry, repository } = reference;
  const { body } = await client.request('POST', '/images/create', {
    signal,
    query: {
      fromImage: formatReference({ registry, repository }),
      tag: reference.digest ?? reference.tag ?? 'latest',
      platform: formatPlatform(platform),
    },
    headers: {
      'X-Registry-Auth': encodeRegistryAuth(credential === undefined ? {} : toAuthConfig(credential)),
    },
  });
  for await (const message of readMessages(body, {
    action: 'POST /images/create',
    endpoint: client.endpoint,
    signal,
  })) {
    const reason = errorOfMessage(message);
    if (reason !== undefined)
      throw new MabuildError(
        `the engine at ${client.endpoint} could not pull ${formatReference(reference)} for ${formatPlatform(platform)}: ${reason}`,
        { code: 'PULL_FAILED', hint: `can the engine's host reach ${registry}, and is the login right?` },
      );
  }
}

/** `X-Registry-Config` for the registries of these images: what the classic builder pulls its bases with. */
export async function registryConfigHeader(
  references: readonly ImageReference[],
  credentials: CredentialSource,
  options: CallOptions = {},
): Promise<string | undefined> {
  const configs: Record<string, AuthConfig> = {};
  for (const host of new Set(references.map((reference) => reference.registry))) {
    const credential = await credentials.credentialFor(host, options);
    if (credential !== undefined) configs[authConfigKey(host)] = toAuthConfig(credential);
  }
  return Object.keys(configs).length === 0 ? undefined : encodeRegistryAuth(configs);
}
