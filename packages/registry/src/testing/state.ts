import { createHash, randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { digestOf, isDigest } from '@mabuild/oci';

export interface StoredContent {
  readonly mediaType: string;
  readonly bytes: Buffer;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

interface Contents {
  readonly blobs: Map<string, Buffer>;
  readonly manifests: Map<string, StoredContent>;
  readonly tags: Map<string, string>;
}

/** What a registry holds, and how it answers: distribution-spec, "Endpoints". */
export class RegistryState {
  readonly #strict: boolean;
  readonly #repositories = new Map<string, Contents>();
  readonly #uploads = new Map<string, Buffer[]>();

  constructor(strict: boolean) {
    this.#strict = strict;
  }

  openUploads(): readonly string[] {
    return [...this.#uploads.keys()];
  }

  tagOf(repository: string, tag: string): string | undefined {
    return this.#repositories.get(repository)?.tags.get(tag);
  }

  manifest(repository: string, name: string): StoredContent | undefined {
    const contents = this.#repositories.get(repository);
    return contents?.manifests.get(contents.tags.get(name) ?? name);
  }

  blob(repository: string, digest: string): Buffer | undefined {
    return this.#repositories.get(repository)?.blobs.get(digest);
  }

  addBlob(repository: string, bytes: Uint8Array): string {
    const digest = digestOf(bytes);
    this.#contents(repository).blobs.set(digest, Buffer.from(bytes));
    return digest;
  }

  addManifest(repository: string, name: string, mediaType: string, bytes: Uint8Array): string {
    const digest = isDigest(name) ? name : digestOf(bytes);
    const contents = this.#contents(repository);
    contents.manifests.set(digest, { mediaType, bytes: Buffer.from(bytes) });
    if (!isDigest(name)) {
      contents.tags.set(name, digest);
    }
    return digest;
  }

  async answer(method: string, url: URL, request: IncomingMessage, mounts: boolean): Promise<Answer> {
    const path = url.pathname;
    if (path === '/v2/' || path === '/v2') {
      return answer(200, {}, '{}');
    }
    const [, repository = '', kind, name = ''] = /^\/v2\/(.+?)\/(manifests|blobs)\/(.*)$/.exec(path) ?? [];
    if (kind === 'manifests') {
      return method === 'PUT'
        ? this.#putManifest(repository, name, request, await collect(request))
        : this.#getManifest(repository, name);
    }
    if (kind === 'blobs' && name.startsWith('uploads/')) {
      return this.#upload(method, repository, name.slice('uploads/'.length), url, request, mounts);
    }
    if (kind === 'blobs' && (method === 'GET' || method === 'HEAD')) {
      return this.#getBlob(repository, name, request.headers.range);
    }
    return failure(404, 'UNSUPPORTED', 'no such endpoint');
  }

  #contents(repository: string): Contents {
    const contents = this.#repositories.get(repository) ?? {
      blobs: new Map(),
      manifests: new Map(),
      tags: new Map(),
    };
    this.#repositories.set(repository, contents);
    return contents;
  }

  #getManifest(repository: string, name: string): Answer {
    const stored = this.manifest(repository, name);
    if (stored === undefined) {
      return failure(404, 'MANIFEST_UNKNOWN', 'manifest unknown');
    }
    const digest = this.tagOf(repository, name) ?? name;
    return answer(200, { 'content-type': stored.mediaType, 'docker-content-digest': digest }, stored.bytes);
  }

  #putManifest(repository: string, name: string, request: IncomingMessage, bytes: Buffer): Answer {
    if (isDigest(name) && digestOf(bytes) !== name && name.startsWith('sha256:')) {
      return failure(400, 'DIGEST_INVALID', 'provided digest did not match uploaded content');
    }
    const missing = this.#strict ? this.#missing(repository, bytes) : undefined;
    if (missing !== undefined) {
      return failure(400, 'MANIFEST_BLOB_UNKNOWN', 'blob unknown to registry', { digest: missing });
    }
    const digest = this.addManifest(repository, name, request.headers['content-type'] ?? '', bytes);
    return answer(
      201,
      { location: `/v2/${repository}/manifests/${digest}`, 'docker-content-digest': digest },
      '',
    );
  }

  #missing(repository: string, bytes: Buffer): string | undefined {
    const { config, layers, manifests } = JSON.parse(bytes.toString()) as {
      config?: { digest: string };
      layers?: { digest: string; urls?: string[] }[];
      manifests?: { digest: string }[];
    };
    const contents = this.#contents(repository);
    const blobs = [...(config === undefined ? [] : [config]), ...(layers?.filter(({ urls }) => !urls) ?? [])];
    return (
      blobs.find(({ digest }) => !contents.blobs.has(digest)) ??
      manifests?.find(({ digest }) => !contents.manifests.has(digest))
    )?.digest;
  }

  #getBlob(repository: string, digest: string, range: string | undefined): Answer {
    const bytes = this.blob(repository, digest);
    if (bytes === undefined) {
      return failure(404, 'BLOB_UNKNOWN', 'blob unknown to registry');
    }
    const headers = { 'content-type': 'application/octet-stream', 'docker-content-digest': digest };
    const begin = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0);
    if (begin === 0) {
      return answer(200, headers, bytes);
    }
    if (begin >= bytes.length) {
      return failure(416, 'SIZE_INVALID', 'range beyond the end');
    }
    const contentRange = `bytes ${begin}-${bytes.length - 1}/${bytes.length}`;
    return answer(206, { ...headers, 'content-range': contentRange }, bytes.subarray(begin));
  }

  async #upload(
    method: string,
    repository: string,
    id: string,
    url: URL,
    request: IncomingMessage,
    mounts: boolean,
  ): Promise<Answer> {
    if (method === 'POST') {
      const [mount, from] = [url.searchParams.get('mount'), url.searchParams.get('from')];
      const found = mounts && mount !== null && from !== null ? this.blob(from, mount) : undefined;
      if (found !== undefined) {
        const digest = this.addBlob(repository, found);
        return answer(201, { location: `/v2/${repository}/blobs/${digest}` }, '');
      }
      const made = randomUUID();
      this.#uploads.set(made, []);
      return answer(202, this.#uploadHeaders(repository, made), '');
    }
    const parts = this.#uploads.get(id);
    if (parts === undefined) {
      request.resume();
      return failure(404, 'BLOB_UPLOAD_UNKNOWN', 'blob upload unknown to registry');
    }
    if (method === 'DELETE') {
      this.#uploads.delete(id);
      return answer(204, {}, '');
    }
    if (method === 'GET') {
      return answer(204, this.#uploadHeaders(repository, id), '');
    }
    for await (const chunk of request as AsyncIterable<Buffer>) {
      parts.push(chunk);
    }
    if (method === 'PATCH') {
      return answer(202, this.#uploadHeaders(repository, id), '');
    }
    const bytes = Buffer.concat(parts);
    const expected = url.searchParams.get('digest') ?? '';
    this.#uploads.delete(id);
    const algorithm = expected.split(':')[0] ?? '';
    if (!/^sha(256|384|512)$/.test(algorithm) || expected !== `${algorithm}:${hex(algorithm, bytes)}`) {
      return failure(400, 'DIGEST_INVALID', 'provided digest did not match uploaded content');
    }
    this.#contents(repository).blobs.set(expected, bytes);
    return answer(
      201,
      { location: `/v2/${repository}/blobs/${expected}`, 'docker-content-digest': expected },
      '',
    );
  }

  #uploadHeaders(repository: string, id: string): Record<string, string> {
    const size = (this.#uploads.get(id) ?? []).reduce((sum, { length }) => sum + length, 0);
    return {
      location: `/v2/${repository}/blobs/uploads/${id}?_state=a%2Fb~c`,
      range: `0-${Math.max(0, size - 1)}`,
      'docker-upload-uuid': id,
    };
  }
}

function hex(algorithm: string, bytes: Buffer): string {
  return createHash(algorithm).update(bytes).digest('hex');
}

async function collect(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) {
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function answer(status: number, headers: Readonly<Record<string, string>>, body: string | Buffer): Answer {
  return { status, headers, body: Buffer.from(body as string) };
}

function failure(status: number, code: string, message: string, detail?: unknown): Answer {
  const body = JSON.stringify({ errors: [{ code, message, ...(detail !== undefined && { detail }) }] });
  return answer(status, { 'content-type': 'application/json' }, body);
}
