import { expect } from 'chai';
import { findLink, parseLinkHeader } from '../../../packages/registry/src/lists/link-header.ts';
import { registryVectors } from '../../support/vectors.ts';

interface Vector {
  readonly headers: readonly string[];
  readonly error?: boolean;
  readonly param?: string;
  readonly value?: string;
  readonly uri?: string | null;
}

registryVectors<Vector>('link-header.json', {
  title: ({ headers, param, value }) => `${JSON.stringify(headers)} ${param ?? ''}=${value ?? ''}`,
  check({ headers, error, param = '', value = '', uri }) {
    const links = parseLinkHeader(headers.join(', '));
    if (error === true) {
      expect(links).to.equal(undefined);
    } else {
      expect(findLink(links ?? [], param, value)?.uri ?? null).to.equal(uri);
    }
  },
});

describe('registry/link-header', () => {
  const read: readonly (readonly [string, string | undefined])[] = [
    ['', undefined],
    ['</v2/a/tags/list?last=b%2Cc&n=2>; rel="next"', '/v2/a/tags/list?last=b%2Cc&n=2'],
    ['<https://r.example/v2/a/tags/list?last=b,c>;rel=next', 'https://r.example/v2/a/tags/list?last=b,c'],
    ['</a>; rel="prev next"', '/a'],
    ['</a>; REL="next"; title="a \\"quoted\\", thing"', '/a'],
    ['</a>; rel="prev"; rel="next"', undefined],
    ['</a>;; rel=next', '/a'],
    ['/v2/_catalog?n=1&last=x; rel="next"', '/v2/_catalog?n=1&last=x'],
  ];
  for (const [header, uri] of read) {
    it(`finds ${uri} in ${JSON.stringify(header)}`, () => {
      expect(findLink(parseLinkHeader(header) ?? [], 'rel', 'next')?.uri).to.equal(uri);
    });
  }

  for (const header of [
    '</a b>; rel="next"',
    '<</a>>; rel="next"',
    '</a>; rel="next',
    '; rel="next"',
    '</a> </b>',
  ]) {
    it(`refuses ${JSON.stringify(header)}`, () => {
      expect(parseLinkHeader(header)).to.equal(undefined);
    });
  }
});
