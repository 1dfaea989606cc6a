import { parseChallenges } from '@mabuild/registry';
import { expect } from 'chai';
import { registryVectors } from '../../support/vectors.ts';

interface Parsed {
  readonly scheme: string;
  readonly params: Readonly<Record<string, string>>;
}

interface Vector {
  readonly headers: readonly string[];
  readonly containerd: readonly Parsed[];
  readonly regclient: readonly Parsed[] | { readonly error: string };
}

/**
 * Rows where ours is neither what regclient says (the only one that splits several challenges) nor, where regclient
 * gives up, what containerd saves. In all of them we read more than either.
 */
const ours: Readonly<Record<string, { readonly parsed: readonly Parsed[]; readonly because: string }>> = {
  '"Basic" "realm"=/': { parsed: [], because: 'a scheme is a token, never quoted: that is no challenge' },
  'Bearer realm="https://a/t",service=""': {
    parsed: [{ scheme: 'bearer', params: { realm: 'https://a/t', service: '' } }],
    because: 'regclient drops empty values',
  },
  'Basic realm="GitHub Package Registry': {
    parsed: [{ scheme: 'basic', params: {} }],
    because: 'containerd stops at the missing quote with an empty realm, which is no realm',
  },
  'Basic realm="GitHub Package Registry\\\\': {
    parsed: [{ scheme: 'basic', params: {} }],
    because: 'containerd stops at the missing quote with an empty realm, which is no realm',
  },
  'Bearer  realm = "https://a/t" , service = "s"': {
    parsed: [{ scheme: 'bearer', params: { realm: 'https://a/t', service: 's' } }],
    because: 'RFC 9110 allows spaces around "=" and empty list members',
  },
  'Bearer realm="https://a/t",,service="s"': {
    parsed: [{ scheme: 'bearer', params: { realm: 'https://a/t', service: 's' } }],
    because: 'RFC 9110 allows spaces around "=" and empty list members',
  },
  'bearer realm=https://a/t,service=s': {
    parsed: [{ scheme: 'bearer', params: { realm: 'https://a/t', service: 's' } }],
    because: 'addresses without quotes are wrong, and clear',
  },
  "Bearer realm='https://a/t',service='s'": {
    parsed: [{ scheme: 'bearer', params: { realm: "'https://a/t'", service: "'s'" } }],
    because: 'addresses without quotes are wrong, and clear',
  },
};

describe('registry/challenge', () => {
  registryVectors<Vector>('www-authenticate.json', {
    title: ({ headers }) => JSON.stringify(headers.join(', ')),
    departs: ({ headers }) => ours[headers.join(', ')]?.because,
    check({ headers, regclient, containerd }) {
      const header = headers.join(', ');
      const normative = Array.isArray(regclient) ? regclient : containerd;
      expect(parseChallenges(header)).to.deep.equal(ours[header]?.parsed ?? normative);
      if (ours[header] !== undefined) expect(ours[header].parsed).to.not.deep.equal(normative);
    },
  });

  const bad: readonly [string, readonly Parsed[]][] = [
    ['=', []],
    [',,,', []],
    [
      'Bearer , Basic realm="b"',
      [
        { scheme: 'bearer', params: {} },
        { scheme: 'basic', params: { realm: 'b' } },
      ],
    ],
    ['Basic realm="a" Bearer realm="b"', [{ scheme: 'basic', params: { realm: 'a' } }]],
    ['Bearer realm="x", realm="y"', [{ scheme: 'bearer', params: { realm: 'x' } }]],
    ['Bearer realm="\u0000"', [{ scheme: 'bearer', params: { realm: '\u0000' } }]],
    [`Bearer ${'a'.repeat(50_000)}`, [{ scheme: 'bearer', params: {} }]],
    [`Bearer realm="${'\\'.repeat(50_001)}`, [{ scheme: 'bearer', params: {} }]],
  ];
  for (const [header, expected] of bad) {
    it(`bad input ${JSON.stringify(header.slice(0, 40))}`, () => {
      expect(parseChallenges(header)).to.deep.equal(expected);
    });
  }
});
