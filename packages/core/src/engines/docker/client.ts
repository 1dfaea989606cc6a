import {
  Agent,
  type ClientRequest,
  request as httpRequest,
  type OutgoingHttpHeaders,
  type RequestOptions,
} from 'node:http';
import { request as httpsRequest, Agent as TlsAgent } from 'node:https';
import { connect as netConnect } from 'node:net';
import { type Duplex, Readable } from 'node:stream';
import { connect as tlsConnect } from 'node:tls';
import { type CallOptions, MabuildError } from '@mabuild/oci';
import type { EngineAddress } from './address.ts';
import { errorReason, readBody } from './answer-text.ts';
import { type ApiVersion, compareApiVersions, negotiateApiVersion } from './api-version.ts';
import { EngineRefusedError, unreachable } from './client-error.ts';
import type { EngineCaller, EngineRequest, EngineResponse } from './engine-request.ts';
import { asError, BodyFailure, exchange } from './exchange.ts';
import { tlsOptions } from './tls-options.ts';

export interface DockerClientOptions {
  readonly address: EngineAddress;
  /** How messages call this engine, e.g. `unix:///var/run/docker.sock`. */
  readonly endpoint: string;
}

/** Speaks HTTP to one Docker Engine. Holds connections: close it. */
export class DockerClient implements EngineCaller {
  readonly address: EngineAddress;
  readonly endpoint: string;
  readonly #agent: Agent;
  readonly #upgraded = new Set<Duplex>();
  #version: ApiVersion | undefined;

  constructor(options: DockerClientOptions) {
    this.address = options.address;
    this.endpoint = options.endpoint;
    const tls = options.address.kind === 'tcp' ? options.address.tls : undefined;
    this.#agent =
      tls === undefined
        ? new Agent({ keepAlive: true })
        : new TlsAgent({ keepAlive: true, ...tlsOptions(options.address) });
  }

  /** What `negotiate` agreed on. @throws MabuildError `ENGINE_UNREACHABLE` before it. */
  get version(): ApiVersion {
    if (this.#version !== undefined) return this.#version;
    throw new MabuildError(`the engine at ${this.endpoint} was used before its API version was negotiated`, {
      code: 'ENGINE_UNREACHABLE',
    });
  }

  /** Tells whether the negotiated API is at least this old, e.g. `1.53`. */
  atLeast(apiVersion: string): boolean {
    return compareApiVersions(this.version.api, apiVersion) >= 0;
  }

  /**
   * Asks the engine who it is and agrees on an API version; the answer is kept.
   * @throws MabuildError `ENGINE_UNREACHABLE`, `ENGINE_TOO_OLD`, `ENGINE_TOO_NEW`, `NOT_AN_ENGINE`.
   */
  async negotiate(options: CallOptions & { readonly timeoutMs?: number } = {}): Promise<ApiVersion> {
    this.#version ??= await negotiateApiVersion(this, options);
    return this.#version;
  }

  /**
   * Sends one request and resolves with its answer's head; the body streams.
   *
   * Aborting destroys the connection, which is how an engine is told to stop, also while the body is read.
   * @throws EngineRefusedError `ENGINE_REFUSED` for a status from 400 on that is not allowed.
   * @throws MabuildError `ENGINE_UNREACHABLE`.
   */
  async request(method: string, path: string, options: EngineRequest = {}): Promise<EngineResponse> {
    const action = `${method} ${path}`;
    const response = await this.#send(method, path, options);
    if (response.status < 400 || options.allow?.includes(response.status)) return response;
    const reason = errorReason(await readBody(response.body, options.signal, 64 * 1024).catch(() => ''));
    options.signal?.throwIfAborted();
    throw new EngineRefusedError(action, response.status, reason, this.endpoint);
  }

  /** Sends one request and reads a JSON answer; `undefined` for an empty one. */
  async json<T>(method: string, path: string, options: EngineRequest = {}): Promise<T> {
    const action = `${method} ${path}`;
    const response = await this.request(method, path, options);
    let text: string;
    try {
      text = await readBody(response.body, options.signal);
    } catch (error) {
      options.signal?.throwIfAborted();
      throw unreachable(error, action, this.endpoint);
    }
    if (text.trim() === '') return undefined as T;
    try {
      return JSON.parse(text) as T;
    } catch (cause) {
      throw new MabuildError(`the answer of ${this.endpoint} to ${action} is not JSON`, {
        code: 'NOT_AN_ENGINE',
        hint: 'is this the address of a Docker Engine?',
        cause,
      });
    }
  }

  /** Switches a connection to another protocol: `POST /session` with `Upgrade: h2c`. The caller ends the stream. */
  async upgrade(
    path: string,
    headers: OutgoingHttpHeaders,
    options: Pick<EngineRequest, 'query' | 'signal'> = {},
  ): Promise<Duplex> {
    const { signal } = options;
    signal?.throwIfAborted();
    const action = `POST ${path}`;
    const request = this.#open({
      method: 'POST',
      path: this.#path(path, options),
      headers: { Connection: 'Upgrade', ...headers },
      agent: false,
    });
    return await new Promise<Duplex>((resolve, reject) => {
      const abort = (): void => void request.destroy(asError(signal?.reason));
      signal?.addEventListener('abort', abort, { once: true });
      const settle = (): void => signal?.removeEventListener('abort', abort);
      request.on('upgrade', (_response, socket, head) => {
        settle();
        if (head.length > 0) socket.unshift(head);
        resolve(this.#keep(socket));
      });
      request.on('response', (response) => {
        settle();
        const status = response.statusCode ?? 0;
        readBody(response, undefined, 64 * 1024).then(
          (text) => reject(new EngineRefusedError(action, status, errorReason(text), this.endpoint)),
          reject,
        );
      });
      request.on('error', (error) => {
        settle();
        reject(signal?.aborted ? signal.reason : unreachable(error, action, this.endpoint));
      });
      request.end();
    });
  }

  /** Opens a bare connection, for protocols that need no upgrade (h2c from API 1.53 on). The caller ends it. */
  async connect(options: CallOptions & { readonly alpnProtocols?: readonly string[] } = {}): Promise<Duplex> {
    const { signal } = options;
    signal?.throwIfAborted();
    const { address } = this;
    const secure = address.kind === 'tcp' && address.tls !== undefined;
    const socket = secure
      ? tlsConnect({
          host: address.host,
          port: address.port,
          ...tlsOptions(address),
          ...(options.alpnProtocols === undefined ? {} : { ALPNProtocols: [...options.alpnProtocols] }),
        })
      : netConnect(
          address.kind === 'socket' ? { path: address.path } : { host: address.host, port: address.port },
        );
    return await new Promise<Duplex>((resolve, reject) => {
      const abort = (): void => void socket.destroy(asError(signal?.reason));
      signal?.addEventListener('abort', abort, { once: true });
      const fail = (error: Error): void => {
        signal?.removeEventListener('abort', abort);
        reject(signal?.aborted ? signal.reason : unreachable(error, 'connect', this.endpoint));
      };
      socket.once('error', fail);
      socket.once(secure ? 'secureConnect' : 'connect', () => {
        signal?.removeEventListener('abort', abort);
        socket.off('error', fail);
        resolve(this.#keep(socket));
      });
    });
  }

  /** Ends every connection, upgraded ones too. */
  async close(): Promise<void> {
    for (const socket of this.#upgraded) socket.destroy();
    this.#upgraded.clear();
    this.#agent.destroy();
  }

  async #send(method: string, path: string, options: EngineRequest): Promise<EngineResponse> {
    const { signal, body } = options;
    signal?.throwIfAborted();
    const action = `${method} ${path}`;
    const headers: OutgoingHttpHeaders = { ...options.headers };
    let payload: Readable | Uint8Array | undefined;
    if (body instanceof Readable || body instanceof Uint8Array) payload = body;
    else if (body !== undefined) {
      payload = Buffer.from(JSON.stringify(body));
      headers['Content-Type'] = 'application/json';
    }
    if (payload instanceof Uint8Array) headers['Content-Length'] = payload.byteLength;
    // A stream cannot be sent twice, so it gets a connection of its own: a kept one may turn out to be closed.
    const agent = payload instanceof Readable ? false : this.#agent;
    const target = { method, path: this.#path(path, options), headers, agent };
    for (;;) {
      const request = this.#open(target);
      try {
        return await exchange(request, payload, signal, options.timeoutMs);
      } catch (error) {
        if (signal?.aborted) throw signal.reason;
        // A kept connection that the engine closed in the meantime says nothing about the engine.
        const { code } = error as NodeJS.ErrnoException;
        if (request.reusedSocket && (code === 'ECONNRESET' || code === 'EPIPE')) continue;
        throw error instanceof BodyFailure ? error.cause : unreachable(error, action, this.endpoint);
      }
    }
  }

  #open(options: RequestOptions): ClientRequest {
    const { address } = this;
    if (address.kind === 'socket')
      return httpRequest({
        ...options,
        socketPath: address.path,
        headers: { Host: 'docker', ...options.headers },
      });
    // No Host header of our own: node would check the certificate against it.
    const target = { ...options, host: address.host, port: address.port };
    return address.tls === undefined
      ? httpRequest(target)
      : httpsRequest({ ...target, ...tlsOptions(address) });
  }

  #path(path: string, options: EngineRequest): string {
    const query = new URLSearchParams();
    for (const [key, value] of Object.entries(options.query ?? {}))
      for (const one of Array.isArray(value) ? value : [value])
        if (one !== undefined) query.append(key, typeof one === 'boolean' ? (one ? '1' : '0') : String(one));
    const text = query.toString();
    return `${options.noVersion ? '' : `/v${this.version.api}`}${path}${text === '' ? '' : `?${text}`}`;
  }

  #keep<T extends Duplex>(socket: T): T {
    this.#upgraded.add(socket);
    socket.once('close', () => this.#upgraded.delete(socket));
    return socket;
  }
}
