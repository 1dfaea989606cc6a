import { rememberingResolver } from '@mabuild/core';
import { type ImageResolver, type ImageSource, parseReference } from '@mabuild/oci';
import { expect } from 'chai';
import { makeIndex } from '../../support/image.ts';
import { rejection } from '../../support/rejection.ts';

describe('rememberingResolver', () => {
  const { source } = makeIndex(['linux/amd64']);
  const digest = source.root.digest;
  const other = `sha256:${'1'.repeat(64)}`;
  const rows: readonly (readonly [string, readonly string[], readonly string[]])[] = [
    ['a name again', ['app:1', 'app:1'], ['app:1']],
    ['a name in full', ['app:1', 'docker.io/library/app:1'], ['app:1']],
    ['what a name stood for', ['app:1', `app@${digest}`, `app:1@${digest}`], ['app:1']],
    ['another tag', ['app:1', 'app:2'], ['app:1', 'app:2']],
    ['another digest', ['app:1', `app@${other}`], ['app:1', `app@${other}`]],
    ['another repository', ['app:1', `b/app@${digest}`], ['app:1', `b/app@${digest}`]],
    [
      'another registry',
      ['app:1', `localhost:5000/app@${digest}`],
      ['app:1', `localhost:5000/app@${digest}`],
    ],
  ];
  for (const [name, asked, wanted] of rows) {
    it(`asks for ${name}: ${wanted.length} of ${asked.length}`, async () => {
      const heard: string[] = [];
      const resolver = rememberingResolver(hearing(heard, source));
      for (const text of asked) await resolver.resolve(parseReference(text));
      expect(heard).to.deep.equal(wanted.map((text) => JSON.stringify(parseReference(text))));
    });
  }

  it('asks once for those who ask at the same time', async () => {
    const heard: string[] = [];
    const resolver = rememberingResolver(hearing(heard, source));
    const found = await Promise.all([1, 2, 3].map(() => resolver.resolve(parseReference('app:1'))));
    expect(heard).to.have.lengthOf(1);
    expect(new Set(found).size).to.equal(1);
  });

  it('asks again after a failure', async () => {
    let attempts = 0;
    const resolver = rememberingResolver({
      resolve: async () => {
        attempts += 1;
        if (attempts === 1) throw new Error('away');
        return source;
      },
    });
    expect(await rejection(resolver.resolve(parseReference('app:1')))).to.have.property('message', 'away');
    expect(await resolver.resolve(parseReference('app:1'))).to.equal(source);
  });
});

function hearing(heard: string[], source: ImageSource): ImageResolver {
  return {
    resolve: async (reference) => {
      heard.push(JSON.stringify(reference));
      return source;
    },
  };
}
