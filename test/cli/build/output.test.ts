import { writeFile } from 'node:fs/promises';
import { expect } from 'chai';
import { outputFailure, parseOutput } from '../../../packages/cli/src/sdk/build/output.ts';

describe('outputs', () => {
  const rows: readonly [string, object | undefined][] = [
    ['oci:./image', { type: 'oci', path: './image' }],
    ['oci-archive:a.tar', { type: 'oci-archive', path: 'a.tar' }],
    ['docker-archive:a.tar', { type: 'docker-archive', path: 'a.tar' }],
    ['local:out', { type: 'local', path: 'out' }],
    ['tar:out.tar', { type: 'tar', path: 'out.tar' }],
    ['out', { type: 'local', path: 'out' }],
    ['type=oci,dest=a.tar', { type: 'oci-archive', path: 'a.tar' }],
    ['type=oci,tar=false,dest=image', { type: 'oci', path: 'image' }],
    ['dest=out,type=local', { type: 'local', path: 'out' }],
    ['type=docker', { type: 'load' }],
    ['type=docker,dest=a.tar', { type: 'docker-archive', path: 'a.tar' }],
    ['type=registry', { type: 'push' }],
    ['type=image,push=true,push-by-digest=true', { type: 'push', byDigest: true }],
    ['type=image', { type: 'load' }],
    ['image.tar', undefined],
    ['out/files.tgz', undefined],
    ['oci', undefined],
    ['docker', undefined],
    ['local:image.tar', { type: 'local', path: 'image.tar' }],
    ['', undefined],
    ['oci:', undefined],
    ['-', undefined],
    ['tar:-', undefined],
    ['type=tar,dest=-', undefined],
    ['zip:a', undefined],
    ['type=oci', undefined],
    ['type=zip,dest=a', undefined],
    ['type=local,=x', undefined],
  ];
  for (const [text, expected] of rows) {
    it(JSON.stringify(text), () => {
      if (expected) expect(parseOutput(text)).to.deep.equal(expected);
      else
        expect(() => parseOutput(text))
          .to.throw()
          .with.property('code', 'INVALID_OUTPUT');
    });
  }

  it('name the path that the file system refuses', async () => {
    const path = '/absent folder/image.tar';
    const refused: unknown = await writeFile(path, '').catch((error: unknown) => error);
    const failure = outputFailure({ type: 'tar', path }, refused);
    expect(failure).to.include({ code: 'FILE_UNWRITABLE', cause: refused });
    expect((failure as Error).message).to.match(/^writing tar:\/absent folder\/image\.tar: ENOENT/);
    const other = new Error('something else');
    expect(outputFailure({ type: 'tar', path }, other)).to.equal(other);
    expect(outputFailure({ type: 'push' }, refused)).to.equal(refused);
  });
});
