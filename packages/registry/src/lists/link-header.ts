/** A link of a Link header: RFC 8288, section 3. */
export interface Link {
  /** As it is written there: an address, or a path from the one that was asked. */
  readonly uri: string;
  /** Names in lower case; of a name that comes twice the first. */
  readonly params: ReadonlyMap<string, string>;
}

const uriPattern = /<([^<>\s]*)>|([^\s<>,;"\\]+)/y;
const paramPattern = /([A-Za-z0-9!#$+.^_`|~-]+\*?)(?:[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s,;"\\]*)))?/y;
/** Parameters whose name may end in a star, which says that the value is encoded: RFC 8187. */
const encodable = /^title\*$/i;

/**
 * Reads the links of a Link header; several headers are one, with commas between.
 *
 * An address without angle brackets is read too, as some registries write it.
 * @returns `undefined` when the header is malformed: what it meant to say cannot be told from what was lost.
 */
export function parseLinkHeader(header: string): readonly Link[] | undefined {
  const links: Link[] = [];
  let at = 0;
  const skip = (): void => {
    while (/\s/.test(header[at] ?? '')) at += 1;
  };
  const match = (pattern: RegExp): RegExpExecArray | undefined => {
    pattern.lastIndex = at;
    const found = pattern.exec(header) ?? undefined;
    at = found === undefined ? at : pattern.lastIndex;
    return found;
  };
  for (skip(); at < header.length; skip()) {
    if (header[at] === ',') {
      at += 1;
      continue;
    }
    const address = match(uriPattern);
    if (address === undefined) {
      return undefined;
    }
    const params = new Map<string, string>();
    for (skip(); header[at] === ';'; skip()) {
      at += 1;
      skip();
      if (header[at] === ';' || header[at] === ',' || at === header.length) {
        continue;
      }
      const [, name = '', quoted, bare = ''] = match(paramPattern) ?? [];
      if (name === '' || (name.endsWith('*') && !encodable.test(name))) {
        return undefined;
      }
      if (!params.has(name.toLowerCase())) {
        params.set(name.toLowerCase(), quoted?.replace(/\\(.)/g, '$1') ?? bare);
      }
    }
    if (at < header.length && header[at] !== ',') {
      return undefined;
    }
    links.push({ uri: address[1] ?? address[2] ?? '', params });
  }
  return links;
}

/** The first link whose parameter has a value; a `rel` may name several relations. */
export function findLink(links: readonly Link[], param: string, value: string): Link | undefined {
  return links.find(({ params }) => {
    const found = params.get(param);
    return found === value || (param === 'rel' && found?.split(/\s+/).includes(value) === true);
  });
}
