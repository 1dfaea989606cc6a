import { type Answer, answer, failure, unsupported } from './answer.ts';
import type { Asked } from './asked.ts';
import { deleteBlob, getBlob } from './blobs.ts';
import { listReferrers, listRepositories, listTags } from './lists.ts';
import { deleteManifest, getManifest, putManifest } from './manifests.ts';
import type { PullLimit } from './pull-limit.ts';
import type { Uploads } from './uploads.ts';

/** What answers need besides the request. */
export interface Endpoints {
  readonly uploads: Uploads;
  readonly pulls: PullLimit;
  /** Scheme and host of the store that blobs come from. */
  readonly storage: () => string;
}

/** Does what a request asks for: distribution-spec, "Endpoints". */
export async function answerTo(asked: Asked, { uploads, pulls, storage }: Endpoints): Promise<Answer> {
  const { phase, repository, name, behaviour, contents, request } = asked;
  switch (phase) {
    case 'ping':
      return answer(200, { 'docker-distribution-api-version': 'registry/2.0' }, '{}');
    case 'catalog':
      return listRepositories(asked);
    case 'tag-list':
      return listTags(asked);
    case 'referrers':
      return listReferrers(asked);
    case 'manifest-head':
    case 'tag-head':
      return behaviour.headManifest ? pulls.apply('HEAD', getManifest(asked)) : unsupported();
    case 'manifest-get':
    case 'tag-get':
      return pulls.apply('GET', getManifest(asked));
    case 'manifest-put':
    case 'tag-put':
      return putManifest(asked);
    case 'manifest-delete':
    case 'tag-delete':
      return deleteManifest(asked);
    case 'blob-head':
    case 'blob-get': {
      const there = contents.blob(repository, name) !== undefined;
      return behaviour.redirectBlobs && there
        ? answer(307, {
            location: `${storage()}/storage/${repository}/${name}?X-Signature=${'a'.repeat(64)}`,
          })
        : getBlob(asked);
    }
    case 'storage':
      return request.headers.authorization === undefined
        ? getBlob(asked)
        : answer(400, {}, '<Error><Code>InvalidArgument</Code></Error>');
    case 'blob-delete':
      return deleteBlob(asked);
    case 'mount':
    case 'upload-begin':
    case 'upload-patch':
    case 'upload-put':
    case 'upload-status':
    case 'upload-cancel':
      return uploads.answer(asked);
    default:
      return failure(404, 'UNSUPPORTED', 'no such endpoint');
  }
}
