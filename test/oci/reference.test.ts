import {
  familiarReference,
  formatReference,
  isMabuildError,
  parseReference,
  referenceName,
  withDigest,
  withTag,
} from '@mabuild/oci';
import { expect } from 'chai';
import { registryVectors } from '../support/vectors.ts';

const sha256 = `sha256:${'0123456789abcdef'.repeat(4)}`;

describe('reference', () => {
  it('has parts and helpers', () => {
    const reference = parseReference(`localhost:5000/team/app:1@${sha256}`);
    expect(reference).to.deep.equal({
      registry: 'localhost:5000',
      repository: 'team/app',
      tag: '1',
      digest: sha256,
    });
    expect(referenceName(reference)).to.equal('localhost:5000/team/app');
    expect(formatReference(withTag(reference, 'v2'))).to.equal('localhost:5000/team/app:v2');
    const pinned = withDigest(parseReference('ubuntu:22.04'), sha256);
    expect(familiarReference(pinned)).to.equal(`ubuntu:22.04@${sha256}`);
    expect(() => withTag(reference, '-x'))
      .to.throw()
      .that.has.property('code', 'INVALID_REFERENCE');
    expect(() => withDigest(reference, 'sha256:abc'))
      .to.throw()
      .that.has.property('code', 'INVALID_REFERENCE');
  });

  it('writes a familiar name only where it reads back as the same image', () => {
    const odd = parseReference('docker.io/a.b/c');
    expect(odd).to.include({ registry: 'docker.io', repository: 'a.b/c' });
    expect(familiarReference(odd)).to.equal('docker.io/a.b/c:latest');
  });

  const bad: readonly (readonly [string, RegExp])[] = [
    ['docker://ubuntu', /leave docker:\/\/ out/],
    ['Ubuntu', /write ubuntu/],
    ['ghcr.io/Owner/repo', /write owner\/repo/],
    ['f'.repeat(64), /@sha256:/],
    ['app:-x', /a tag is/],
    ['app@sha256:abc', /64 lower-case/],
    [`app@${sha256.toUpperCase()}`, /algorithm:hex/],
    [`app@md5:${'0'.repeat(32)}`, /use sha256/],
    ['exam_ple.com/x', /write/],
    ['[1::2::3]/x', /write/],
    ['a'.repeat(100_000), /write/],
    [`${'a-'.repeat(2000)}/`, /write/],
    ['', /write/],
    ['app\n', /write/],
  ];
  for (const [text, hint] of bad) {
    it(`refuses ${JSON.stringify(text.slice(0, 40))}`, () => {
      expect(() => parseReference(text))
        .to.throw()
        .that.satisfies((error: unknown) => {
          expect(error).to.have.property('code', 'INVALID_REFERENCE');
          expect(isMabuildError(error) && error.hint).to.match(hint);
          return true;
        });
    });
  }
});

interface Vector {
  readonly input: string;
  readonly normative: {
    readonly ok: boolean;
    readonly registry?: string;
    readonly repository?: string;
    readonly tag?: string;
    readonly digest?: string;
    readonly familiar?: string;
    readonly canonical?: string;
  };
}

/** Rows where distribution/reference does what nobody should copy: these names are refused here. */
const refusedHere: ReadonlyMap<RegExp, string> = new Map([
  [/^exam_ple\.com\/x$/, 'upstream gives an empty registry: an underscore is no part of a host name'],
  [/^\[1::2::3\]\//, 'two "::" are no IPv6 address'],
]);

const refusal = (input: string): string | undefined =>
  [...refusedHere].find(([pattern]) => pattern.test(input))?.[1];

registryVectors<Vector>('reference-parse.json', {
  title: ({ input }, index) => `${index}: ${JSON.stringify(input.slice(0, 80))}`,
  departs: ({ input, normative }) => (normative.ok ? refusal(input) : undefined),
  check({ input, normative }) {
    if (!normative.ok || refusal(input) !== undefined) {
      expect(() => parseReference(input))
        .to.throw()
        .that.has.property('code', 'INVALID_REFERENCE');
      return;
    }
    const reference = parseReference(input);
    expect(reference).to.deep.equal({
      registry: normative.registry,
      repository: normative.repository,
      ...(normative.tag === undefined ? {} : { tag: normative.tag }),
      ...(normative.digest === undefined ? {} : { digest: normative.digest }),
    });
    expect(formatReference(reference)).to.equal(normative.canonical);
    expect(familiarReference(reference)).to.equal(normative.familiar);
    expect(parseReference(familiarReference(reference))).to.deep.equal(reference);
  },
});
