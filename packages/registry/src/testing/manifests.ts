import { digestOf, isDigest } from '@mabuild/oci';
import { type Answer, answer, failure, readBody, unsupported } from './answer.ts';
import type { Asked } from './asked.ts';

/** distribution-spec: registries should take manifests up to this many bytes. */
const longest = 4 * 1024 * 1024;

/** distribution-spec, "Pulling manifests". */
export function getManifest({ contents, repository, name, behaviour }: Asked): Answer {
  const stored = contents.manifest(repository, name);
  if (stored === undefined) {
    return failure(404, 'MANIFEST_UNKNOWN', 'manifest unknown', { Tag: name });
  }
  const digest = contents.tagOf(repository, name) ?? name;
  const headers = {
    'content-type': stored.mediaType,
    'docker-content-digest': digest,
    ...(behaviour.etag && { etag: `"${digest}"` }),
  };
  return answer(200, headers, stored.bytes);
}

/** distribution-spec, "Pushing Manifests". */
export async function putManifest(asked: Asked): Promise<Answer> {
  const { contents, repository, name, request, behaviour } = asked;
  const bytes = await readBody(request);
  if (bytes.length > longest) {
    return failure(413, 'MANIFEST_INVALID', `manifest of more than ${longest} bytes`);
  }
  if (isDigest(name) && name.startsWith('sha256:') && digestOf(bytes) !== name) {
    return failure(400, 'DIGEST_INVALID', 'provided digest did not match uploaded content');
  }
  const refusal = refusedTag(asked);
  if (refusal !== undefined) {
    return refusal;
  }
  let document: ManifestLike | undefined;
  try {
    document = JSON.parse(bytes.toString()) as ManifestLike;
  } catch {
    return failure(400, 'MANIFEST_INVALID', 'manifest invalid');
  }
  const missing = behaviour.strict ? missingOf(asked, document) : undefined;
  if (missing !== undefined) {
    return failure(400, 'MANIFEST_BLOB_UNKNOWN', 'blob unknown to registry', { digest: missing });
  }
  const digest = contents.addManifest(repository, name, request.headers['content-type'] ?? '', bytes);
  const subject = behaviour.referrers ? document.subject?.digest : undefined;
  return answer(201, {
    location: `/v2/${repository}/manifests/${digest}`,
    'docker-content-digest': digest,
    ...(subject !== undefined && { 'oci-subject': subject }),
    ...(behaviour.etag && { etag: `"${digest}"` }),
  });
}

/** distribution-spec, "Deleting Manifests" and "Deleting tags". */
export function deleteManifest({ contents, repository, name, behaviour }: Asked): Answer {
  const byDigest = isDigest(name);
  if (behaviour.delete === 'none' || (!byDigest && behaviour.delete === 'digests')) {
    return unsupported();
  }
  const found = contents.find(repository);
  if (!byDigest) {
    return found?.tags.delete(name) === true ? answer(202) : unknown();
  }
  if (found?.manifests.delete(name) !== true) {
    return unknown();
  }
  for (const [tag, digest] of found.tags) {
    if (digest === name) {
      found.tags.delete(tag);
    }
  }
  return answer(202);
}

interface ManifestLike {
  readonly config?: { readonly digest: string };
  readonly layers?: readonly { readonly digest: string; readonly urls?: readonly string[] }[];
  readonly manifests?: readonly { readonly digest: string }[];
  readonly subject?: { readonly digest: string };
}

function unknown(): Answer {
  return failure(404, 'MANIFEST_UNKNOWN', 'manifest unknown');
}

/** What conditional requests (RFC 9110, 13) and immutable tags refuse. */
function refusedTag({ contents, repository, name, request, behaviour }: Asked): Answer | undefined {
  const current = contents.tagOf(repository, name);
  const { 'if-match': match, 'if-none-match': noneMatch } = request.headers;
  if (behaviour.etag && behaviour.ifMatch) {
    const lost =
      match !== undefined && (current === undefined || (match !== '*' && match !== `"${current}"`));
    const taken = noneMatch === '*' && current !== undefined;
    if (lost || taken) {
      return failure(412, 'PRECONDITION_FAILED', `the tag ${name} is at ${current ?? 'nothing'}`);
    }
  }
  if (behaviour.immutableTags && current !== undefined) {
    const why = 'already exists in the';
    return failure(
      400,
      'TAG_INVALID',
      `The image tag '${name}' ${why} '${repository}' repository and cannot be overwritten because the tag is immutable.`,
    );
  }
  return undefined;
}

function missingOf({ contents, repository }: Asked, document: ManifestLike): string | undefined {
  const { config, layers, manifests } = document;
  const found = contents.at(repository);
  const blobs = [...(config === undefined ? [] : [config]), ...(layers?.filter(({ urls }) => !urls) ?? [])];
  return (
    blobs.find(({ digest }) => !found.blobs.has(digest)) ??
    manifests?.find(({ digest }) => !found.manifests.has(digest))
  )?.digest;
}
