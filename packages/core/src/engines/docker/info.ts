import type { CallOptions, Platform } from '@mabuild/oci';
import type { BuilderCapabilities, EngineInfo } from '../engine.ts';
import type { DockerClient } from './client.ts';

interface VersionAnswer {
  readonly Version?: string;
  readonly Os?: string;
  readonly Arch?: string;
}

interface InfoAnswer {
  readonly ID?: string;
  readonly Architecture?: string;
  readonly KernelVersion?: string;
  readonly DriverStatus?: readonly (readonly [string, string])[] | null;
  readonly RegistryConfig?: { readonly Mirrors?: readonly string[] | null } | null;
}

export interface EngineFacts {
  readonly info: EngineInfo;
  /** Names this installation of an engine, as `docker info` shows it; podman has none. */
  readonly id: string | undefined;
  /** The kernel of the engine's host; tells a virtual machine behind a local socket from this machine. */
  readonly kernel: string | undefined;
}

/** Asks a negotiated engine what it is and can. */
export async function readEngineInfo(
  client: DockerClient,
  foundBy: string,
  options: CallOptions = {},
): Promise<EngineFacts> {
  const [version, info, hasBridge] = await Promise.all([
    client.json<VersionAnswer>('GET', '/version', options),
    client.json<InfoAnswer>('GET', '/info', options),
    bridgeExists(client, options),
  ]);
  const { kind, api } = client.version;
  const snapshotter = (info.DriverStatus ?? []).some(
    ([name, value]) => name === 'driver-type' && value.startsWith('io.containerd.snapshotter'),
  );
  return {
    info: {
      kind,
      endpoint: client.endpoint,
      foundBy,
      version: version.Version ?? 'unknown',
      apiVersion: api,
      // Every dockerd that speaks our oldest API (20.10) has BuildKit; podman has only an API like the classic builder's.
      builders: kind === 'podman' ? ['classic'] : ['buildkit', 'classic'],
      platform: hostPlatform(version, info),
      local: isLocal(client),
      imageStore: snapshotter ? 'containerd' : 'graphdriver',
      mirrors: (info.RegistryConfig?.Mirrors ?? []).map((mirror) => mirror.replace(/\/+$/, '')),
      hasBridge,
      capabilities: kind === 'podman' ? none : builderCapabilities(version.Version ?? ''),
    },
    id: info.ID || undefined,
    kernel: info.KernelVersion,
  };
}

const none: BuilderCapabilities = { heredoc: false, link: false, runNetwork: false };

/** What the BuildKit inside a dockerd of this version understands: everything from 23 (BuildKit 0.10) on. */
export function builderCapabilities(version: string): BuilderCapabilities {
  const major = Number.parseInt(version, 10);
  // Builds from source call themselves `dev` or carry no number: they are newer, not older.
  const modern = Number.isNaN(major) || major >= 23;
  return { heredoc: modern, link: modern, runNetwork: modern };
}

/** The host's platform; the kernel's machine name tells the 32-bit ARM variants apart. */
export function hostPlatform(version: VersionAnswer, info: InfoAnswer): Platform {
  const os = version.Os ?? 'linux';
  const architecture = version.Arch ?? 'amd64';
  if (architecture !== 'arm') return { os, architecture };
  const variant = /^armv([5-7])/.exec(info.Architecture ?? '')?.[1] ?? '7';
  return { os, architecture, variant: `v${variant}` };
}

async function bridgeExists(client: DockerClient, options: CallOptions): Promise<boolean> {
  const name = client.version.kind === 'podman' ? 'podman' : 'bridge';
  const { status, body } = await client.request('GET', `/networks/${name}`, { ...options, allow: [404] });
  body.resume();
  return status !== 404;
}

function isLocal({ address }: DockerClient): boolean {
  return address.kind === 'socket' || /^(localhost|127(\.\d{1,3}){3}|::1)$/.test(address.host);
}
