import { randomUUID } from 'node:crypto';
import type { Duplex, Readable } from 'node:stream';
import { type CallOptions, formatPlatform, type Platform } from '@mabuild/oci';
import type { ContainerRequest, ContainerResult, RunOptions } from '../engine.ts';
import { parsePort } from '../published-port.ts';
import type { DockerClient } from './client.ts';
import { EngineRefusedError, unreachable } from './client-error.ts';

/** How long cleaning up after a container may take, milliseconds. */
const cleanUpMs = 30_000;

interface ContainerOptions extends RunOptions {
  readonly hasBridge: boolean;
  /** Asks for no more open files and processes than any host grants. */
  readonly lowLimits?: boolean;
}

/** Creates, starts, follows and removes one container; it is gone when this settles, also after an abort. */
export async function runContainer(
  client: DockerClient,
  request: ContainerRequest,
  options: ContainerOptions,
): Promise<ContainerResult> {
  try {
    return await runOnce(client, request, options);
  } catch (error) {
    // podman asks for more than a sandbox without CAP_SYS_RESOURCE may give.
    const limits = error instanceof EngineRefusedError && /setting rlimit/.test(error.message);
    if (!limits || options.lowLimits) throw error;
    return await runOnce(client, request, { ...options, lowLimits: true });
  }
}

/**
 * Tells whether an engine has one platform of an image of several: a container can be made of it. None is started.
 * Engines before API 1.49 know no other question.
 */
export async function hasPlatform(
  client: DockerClient,
  image: string,
  platform: Platform,
  options: CallOptions = {},
): Promise<boolean> {
  try {
    // The image may name no command of its own.
    const request = { image, platform, command: ['true'], network: 'none' };
    await removeContainer(client, await createContainer(client, request, { ...options, hasBridge: false }));
    return true;
  } catch (error) {
    if (error instanceof EngineRefusedError && error.status === 404) return false;
    throw error;
  }
}

async function runOnce(
  client: DockerClient,
  request: ContainerRequest,
  options: ContainerOptions,
): Promise<ContainerResult> {
  const { signal } = options;
  const id = await createContainer(client, request, options);
  try {
    signal?.throwIfAborted();
    const output = await client.upgrade(
      `/containers/${id}/attach`,
      { Upgrade: 'tcp', 'Content-Length': 0 },
      { signal, query: { stream: true, stdin: options.input && true, stdout: true, stderr: true } },
    );
    const collected = collectOutput(output, client.endpoint, options);
    // Awaited below; an abort may reject it before that.
    collected.catch(() => {});
    const stopInput = options.input && sendInput(options.input, output);
    try {
      const started = await client.request('POST', `/containers/${id}/start`, { signal });
      started.body.resume();
      const { StatusCode: exitCode } = await client.json<{ StatusCode: number }>(
        'POST',
        `/containers/${id}/wait`,
        { signal },
      );
      const { stdout, stderr } = await collected;
      return { exitCode, stdout, stderr };
    } finally {
      stopInput?.();
      output.destroy();
    }
  } finally {
    await removeContainer(client, id);
  }
}

/**
 * Creates a container and returns its id.
 *
 * Not aborted half-way: a container whose id is not known could not be removed.
 */
async function createContainer(
  client: DockerClient,
  request: ContainerRequest,
  options: ContainerOptions,
): Promise<string> {
  options.signal?.throwIfAborted();
  const network = request.network ?? 'default';
  const ports = (request.ports ?? []).map(parsePort);
  const bindings: Record<string, { HostIp: string; HostPort: string }[]> = {};
  for (const { container, hostIp, hostPort } of ports)
    bindings[container] = [...(bindings[container] ?? []), { HostIp: hostIp, HostPort: hostPort }];
  const { Id: id } = await client.json<{ Id: string }>('POST', '/containers/create', {
    timeoutMs: cleanUpMs,
    query: {
      name: `mabuild-${randomUUID()}`,
      platform: request.platform === undefined ? undefined : formatPlatform(request.platform),
    },
    body: {
      Image: request.image,
      ...(request.entrypoint === undefined ? {} : { Entrypoint: request.entrypoint }),
      ...(request.command === undefined ? {} : { Cmd: request.command }),
      Env: Object.entries(request.environment ?? {}).map(([name, value]) => `${name}=${value}`),
      ...(options.input && { AttachStdin: true, OpenStdin: true, StdinOnce: true }),
      AttachStdout: true,
      AttachStderr: true,
      ExposedPorts: Object.fromEntries(ports.map(({ container }) => [container, {}])),
      HostConfig: {
        AutoRemove: false,
        Binds: request.binds ?? [],
        PortBindings: bindings,
        ...(options.lowLimits && {
          Ulimits: ['nofile', 'nproc'].map((Name) => ({ Name, Soft: 1024, Hard: 1024 })),
        }),
        NetworkMode: network === 'default' && !options.hasBridge ? 'host' : network,
      },
    },
  });
  return id;
}

/** Kills and removes a container; one that is already gone is no error. */
async function removeContainer(client: DockerClient, id: string): Promise<void> {
  const { body } = await client.request('DELETE', `/containers/${id}`, {
    timeoutMs: cleanUpMs,
    query: { force: true, v: true },
    allow: [404, 409],
  });
  body.resume();
}

/** Sends a container its standard input, to the end of it. @returns what reads no further */
function sendInput(input: Readable, container: Duplex): () => void {
  const stop = (): void => {
    input.unpipe(container);
    input.pause();
  };
  container.once('close', stop);
  input.once('error', () => container.end());
  input.pipe(container);
  return stop;
}

/** Takes the two streams of an attached container apart: Engine API, "Stream format". */
async function collectOutput(
  output: Duplex,
  endpoint: string,
  { signal, onOutput, input }: RunOptions,
): Promise<{ stdout: string; stderr: string }> {
  const parts = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  const abort = (): void =>
    void output.destroy(signal?.reason instanceof Error ? signal.reason : new Error('aborted'));
  signal?.addEventListener('abort', abort, { once: true });
  let rest: Buffer = Buffer.alloc(0);
  try {
    for await (const chunk of output as AsyncIterable<Buffer>) {
      rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      while (rest.length >= 8) {
        const end = 8 + rest.readUInt32BE(4);
        if (rest.length < end) break;
        const stream = rest[0] === 2 ? 'stderr' : 'stdout';
        const data = rest.subarray(8, end);
        parts[stream].push(data);
        onOutput?.(stream, data);
        rest = rest.subarray(end);
      }
    }
  } catch (error) {
    signal?.throwIfAborted();
    // A container that ends takes no more input, and has said all.
    const isEnd =
      input !== undefined && /^(?:EPIPE|ECONNRESET)$/.test(String((error as NodeJS.ErrnoException).code));
    if (!isEnd) throw unreachable(error, 'reading a container', endpoint);
  } finally {
    signal?.removeEventListener('abort', abort);
  }
  return {
    stdout: Buffer.concat(parts.stdout).toString('utf8'),
    stderr: Buffer.concat(parts.stderr).toString('utf8'),
  };
}
