import { createHash, randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { type Answer, answer, failure, readBody, unsupported } from './answer.ts';
import type { Asked } from './asked.ts';

/** An upload that is begun and neither finished nor cancelled. */
interface Upload {
  readonly repository: string;
  readonly parts: Buffer[];
  size: number;
  /** PATCHes taken. */
  chunks: number;
  /** Bytes of the last PATCH. */
  lastChunk: number;
}

/** Blobs on their way in: distribution-spec, "Pushing blobs". */
export class Uploads {
  readonly #open = new Map<string, Upload>();

  ids(): readonly string[] {
    return [...this.#open.keys()];
  }

  forget(): void {
    this.#open.clear();
  }

  async answer(asked: Asked): Promise<Answer> {
    const { phase, name, repository, request, behaviour } = asked;
    if (phase === 'upload-begin' || phase === 'mount') {
      return this.#mounted(asked) ?? this.#posted(asked);
    }
    const upload = this.#open.get(name);
    if (upload === undefined || upload.repository !== repository) {
      return unknownUpload();
    }
    if (behaviour.offsetInLocation && offsetOf(asked.url) !== upload.size) {
      this.#open.delete(name);
      return failure(404, 'BLOB_UPLOAD_INVALID', 'blob upload invalid');
    }
    if ((lengthOf(request) ?? 0) > behaviour.maxBody) {
      return tooLarge();
    }
    switch (phase) {
      case 'upload-patch':
        return this.#patch(asked, upload);
      case 'upload-put':
        return this.#put(asked, upload);
      case 'upload-cancel':
        if (!behaviour.cancelUpload) {
          return unsupported();
        }
        this.#open.delete(name);
        return answer(204);
      default:
        request.resume();
        return behaviour.uploadStatus ? answer(204, headersOf(asked, name, upload)) : unsupported();
    }
  }

  /** distribution-spec, "Mounting a blob from another repository". */
  #mounted({ contents, url, repository, behaviour }: Asked): Answer | undefined {
    const [digest, from] = [url.searchParams.get('mount'), url.searchParams.get('from')];
    if (digest === null || !behaviour.mount || (from === null && !behaviour.anonymousMount)) {
      return undefined;
    }
    const found = from === null ? contents.blobAnywhere(digest) : contents.blob(from, digest);
    if (found === undefined) {
      return undefined;
    }
    contents.at(repository).blobs.set(digest, found);
    return created(repository, digest);
  }

  async #posted(asked: Asked): Promise<Answer> {
    const { url, request, repository, behaviour } = asked;
    const digest = url.searchParams.get('digest');
    const bytes = await readBody(request);
    if (behaviour.singlePost && digest !== null) {
      return store(asked, digest, bytes);
    }
    const id = randomUUID();
    const upload = { repository, parts: [], size: 0, chunks: 0, lastChunk: Number.POSITIVE_INFINITY };
    this.#open.set(id, upload);
    return answer(202, {
      ...headersOf(asked, id, upload),
      ...(behaviour.minChunk > 0 &&
        behaviour.announceMinChunk && { 'oci-chunk-min-length': String(behaviour.minChunk) }),
    });
  }

  async #patch(asked: Asked, upload: Upload): Promise<Answer> {
    const { behaviour, name, request } = asked;
    const length = lengthOf(request);
    if (!behaviour.chunked && upload.chunks > 0) {
      return notFound();
    }
    if (length !== undefined && length > behaviour.maxChunk) {
      const limit = `${(behaviour.maxChunk / 1024 / 1024).toFixed(2)}MiB`;
      return failure(
        416,
        'REQUESTED_RANGE_NOT_SATISFIABLE',
        `the request body is too large and exceeds the maximum permissible limit of ${limit}`,
      );
    }
    const refusal = this.#misplaced(asked, upload) ?? tooShort(asked, upload);
    if (refusal !== undefined) {
      return refusal;
    }
    if (behaviour.dropLaterChunks && upload.chunks > 0) {
      await readBody(request);
    } else if (!(await take(request, upload, behaviour.maxBody))) {
      return tooLarge();
    }
    upload.chunks += 1;
    return answer(behaviour.patchStatus, headersOf(asked, name, upload));
  }

  async #put(asked: Asked, upload: Upload): Promise<Answer> {
    const { behaviour, name, request, url } = asked;
    if (!behaviour.monolithic && upload.chunks === 0) {
      return notFound();
    }
    const refusal =
      this.#misplaced(asked, upload) ?? (lengthOf(request) === 0 ? undefined : tooShort(asked, upload));
    if (refusal !== undefined) {
      return refusal;
    }
    await take(request, upload);
    this.#open.delete(name);
    return store(asked, url.searchParams.get('digest') ?? '', Buffer.concat(upload.parts));
  }

  /** distribution-spec, "Pushing a blob in chunks": a chunk that does not begin where the last ended is a 416. */
  #misplaced(asked: Asked, upload: Upload): Answer | undefined {
    const range = asked.request.headers['content-range'];
    if (range === undefined || !asked.behaviour.checkContentRange) {
      return undefined;
    }
    const [, first, last] = /^(?:bytes )?(\d+)-(\d+)(?:\/.*)?$/.exec(range) ?? [];
    const length = lengthOf(asked.request);
    if (first === undefined || (length !== undefined && Number(last) - Number(first) + 1 !== length)) {
      return failure(400, 'SIZE_INVALID', 'Content-Range and Content-Length do not agree');
    }
    if (Number(first) === upload.size) {
      return undefined;
    }
    const refusal = failure(416, 'BLOB_UPLOAD_INVALID', 'chunk out of order');
    return { ...refusal, headers: { ...refusal.headers, ...headersOf(asked, asked.name, upload) } };
  }
}

/** What arrives is kept, also when the connection is cut. @returns whether the body kept to its limit. */
async function take(
  request: IncomingMessage,
  upload: Upload,
  limit: number = Number.POSITIVE_INFINITY,
): Promise<boolean> {
  upload.lastChunk = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    upload.lastChunk += chunk.length;
    if (upload.lastChunk > limit) {
      return false;
    }
    upload.parts.push(chunk);
    upload.size += chunk.length;
  }
  return true;
}

function tooShort({ behaviour }: Asked, { chunks, lastChunk }: Upload): Answer | undefined {
  return chunks > 0 && lastChunk < behaviour.minChunk
    ? failure(
        400,
        'BLOB_UPLOAD_INVALID',
        `a part of ${lastChunk} bytes that is not the last is below the minimum of ${behaviour.minChunk}`,
      )
    : undefined;
}

function store({ contents, repository }: Asked, digest: string, bytes: Buffer): Answer {
  const algorithm = digest.split(':')[0] ?? '';
  const known = /^sha(256|384|512)$/.test(algorithm);
  if (!known || digest !== `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`) {
    return failure(400, 'DIGEST_INVALID', 'provided digest did not match uploaded content');
  }
  contents.at(repository).blobs.set(digest, bytes);
  return created(repository, digest);
}

function created(repository: string, digest: string): Answer {
  return answer(201, { location: `/v2/${repository}/blobs/${digest}`, 'docker-content-digest': digest });
}

function headersOf({ repository, behaviour }: Asked, id: string, { size }: Upload): Record<string, string> {
  const offset = behaviour.offsetInLocation ? `&_offset=${size}` : '';
  return {
    location: `/v2/${repository}/blobs/uploads/${id}?_state=a%2Fb~c${offset}`,
    range: `0-${Math.max(0, size - 1)}`,
    'docker-upload-uuid': id,
  };
}

function offsetOf(url: URL): number {
  return Number(url.searchParams.get('_offset') ?? -1);
}

function lengthOf(request: IncomingMessage): number | undefined {
  const length = request.headers['content-length'];
  return length === undefined ? undefined : Number(length);
}

function unknownUpload(): Answer {
  return failure(404, 'BLOB_UPLOAD_UNKNOWN', 'blob upload unknown to registry');
}

/** As nginx says it, which does not pass such a request on. */
function tooLarge(): Answer {
  const page = '<html><head><title>413 Request Entity Too Large</title></head></html>';
  return answer(413, { 'content-type': 'text/html' }, page);
}

/** A 404 as of a server that has no such address. */
function notFound(): Answer {
  return answer(
    404,
    { 'content-type': 'application/json' },
    '{"errors":[{"status":404,"message":"Not Found"}]}',
  );
}
