import { parseChallenges } from '@mabuild/registry';
import { expect } from 'chai';
import { sharedDescribe, sharedJson } from '../support/shared.ts';

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
const ours: Readonly<Record<string, readonly Parsed[]>> = {
  // Not a challenge: a scheme is a token, never quoted.
  '"Basic" "realm"=/': [],
  // Regclient drops empty values.
  'Bearer realm="https://a/t",service=""': [
    { scheme: 'bearer', params: { realm: 'https://a/t', service: '' } },
  ],
  // containerd stops at the missing quote with an empty realm, which is no realm.
  'Basic realm="GitHub Package Registry': [{ scheme: 'basic', params: {} }],
  'Basic realm="GitHub Package Registry\\\\': [{ scheme: 'basic', params: {} }],
  // RFC 9110 allows spaces around "=" and empty list members.
  'Bearer  realm = "https://a/t" , service = "s"': [
    { scheme: 'bearer', params: { realm: 'https://a/t', service: 's' } },
  ],
  'Bearer realm="https://a/t",,service="s"': [
    { scheme: 'bearer', params: { realm: 'https://a/t', service: 's' } },
  ],
  // Addresses without quotes are wrong, and clear.
  'bearer realm=https://a/t,service=s': [
    { scheme: 'bearer', params: { realm: 'https://a/t', service: 's' } },
  ],
  "Bearer realm='https://a/t',service='s'": [
    { scheme: 'bearer', params: { realm: "'https://a/t'", service: "'s'" } },
  ],
};

describe('registry/challenge', () => {
  sharedDescribe('vectors', () => {
    for (const vector of sharedJson<{ vectors: readonly Vector[] }>('vectors/registry/www-authenticate.json')
      .vectors) {
      const header = vector.headers.join(', ');
      it(JSON.stringify(header), () => {
        const normative = Array.isArray(vector.regclient) ? vector.regclient : vector.containerd;
        expect(parseChallenges(header)).to.deep.equal(ours[header] ?? normative);
      });
    }
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
