import { mediaTypes } from '@mabuild/oci';
import { type Answer, answer, failure } from './answer.ts';
import type { Asked } from './asked.ts';

/** distribution-spec, "Listing Tags". */
export function listTags({ contents, repository, url, behaviour }: Asked): Answer {
  const found = contents.find(repository);
  if (found === undefined) {
    return failure(404, 'NAME_UNKNOWN', 'repository name not known to registry', { name: repository });
  }
  const all = [...found.tags.keys()].sort();
  const { names, link } = behaviour.tagPages ? page(all, url, behaviour.pageSize) : { names: all, link: {} };
  return json(link, { name: repository, tags: names });
}

/** distribution's "Catalog"; the distribution-spec has none. */
export function listRepositories({ contents, url, behaviour }: Asked): Answer {
  if (!behaviour.catalog) {
    return failure(404, 'UNSUPPORTED', 'no such endpoint');
  }
  const { names, link } = page(contents.names(), url, behaviour.pageSize);
  return json(link, { repositories: names });
}

/** distribution-spec, "Listing Referrers": an index of what names the digest as its subject, in pages. */
export function listReferrers({ contents, repository, name, url, behaviour }: Asked): Answer {
  if (!behaviour.referrers) {
    return failure(404, 'NOT_FOUND', 'no such endpoint');
  }
  const type = url.searchParams.get('artifactType');
  const found = [...(contents.find(repository)?.manifests ?? [])].flatMap(
    ([digest, { mediaType, bytes }]) => {
      const { subject, artifactType, config, annotations } = readDocument(bytes);
      const kind = artifactType ?? config?.mediaType;
      return subject?.digest === name && (type === null || kind === type)
        ? [{ mediaType, digest, size: bytes.length, artifactType: kind, annotations }]
        : [];
    },
  );
  const byDigest = new Map(found.map((descriptor) => [descriptor.digest, descriptor]));
  const { names, link } = page([...byDigest.keys()].sort(), url, behaviour.pageSize);
  return json(
    { ...link, ...(type !== null && { 'oci-filters-applied': 'artifactType' }) },
    {
      schemaVersion: 2,
      mediaType: mediaTypes.ociIndex,
      manifests: names.map((digest) => byDigest.get(digest)),
    },
    mediaTypes.ociIndex,
  );
}

interface Referrer {
  readonly subject?: { readonly digest: string };
  readonly artifactType?: string;
  readonly config?: { readonly mediaType: string };
  readonly annotations?: Readonly<Record<string, string>>;
}

function readDocument(bytes: Buffer): Referrer {
  try {
    return JSON.parse(bytes.toString()) as Referrer;
  } catch {
    return {};
  }
}

/** The names after `last`, `n` of them, and a Link (RFC 8288) to the next page. */
function page(
  all: readonly string[],
  { pathname, searchParams }: URL,
  pageSize: number,
): { names: readonly string[]; link: Readonly<Record<string, string>> } {
  const last = searchParams.get('last');
  const asked = searchParams.get('n');
  const count = asked === null ? pageSize : Math.min(pageSize, Number(asked));
  const rest = last === null ? all : all.filter((name) => name > last);
  const names = rest.slice(0, count);
  if (names.length === rest.length || names.length === 0) {
    return { names, link: {} };
  }
  const query = new URLSearchParams(searchParams);
  query.set('last', names.at(-1) ?? '');
  query.set('n', String(count));
  return { names, link: { link: `<${pathname}?${query}>; rel="next"` } };
}

function json(
  headers: Readonly<Record<string, string>>,
  body: unknown,
  mediaType: string = 'application/json',
): Answer {
  return answer(200, { ...headers, 'content-type': mediaType }, JSON.stringify(body));
}
