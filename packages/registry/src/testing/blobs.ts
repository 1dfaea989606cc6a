import { type Answer, answer, failure, unsupported } from './answer.ts';
import type { Asked } from './asked.ts';

/** distribution-spec, "Pulling blobs". */
export function getBlob({ contents, repository, name, request, behaviour }: Asked): Answer {
  const bytes = contents.blob(repository, name);
  if (bytes === undefined) {
    return failure(404, 'BLOB_UNKNOWN', 'blob unknown to registry', { digest: name });
  }
  const headers = {
    'content-type': 'application/octet-stream',
    'docker-content-digest': name,
    ...(behaviour.ranges && { 'accept-ranges': 'bytes' }),
  };
  const [, first, last = ''] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
  if (first === undefined || !behaviour.ranges) {
    return answer(200, headers, bytes);
  }
  const [begin, end] = [Number(first), Math.min(bytes.length, last === '' ? bytes.length : Number(last) + 1)];
  if (begin >= end) {
    const refusal = failure(416, 'RANGE_INVALID', 'range beyond the end');
    return { ...refusal, headers: { ...refusal.headers, 'content-range': `bytes */${bytes.length}` } };
  }
  const contentRange = `bytes ${begin}-${end - 1}/${bytes.length}`;
  return answer(206, { ...headers, 'content-range': contentRange }, bytes.subarray(begin, end));
}

/** distribution-spec, "Deleting Blobs". */
export function deleteBlob({ contents, repository, name, behaviour }: Asked): Answer {
  if (behaviour.delete === 'none') {
    return unsupported();
  }
  return contents.find(repository)?.blobs.delete(name) === true
    ? answer(202)
    : failure(404, 'BLOB_UNKNOWN', 'blob unknown to registry');
}
