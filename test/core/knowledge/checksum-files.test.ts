import { expect } from 'chai';
import { type ChecksumQuery, findChecksum } from '../../../packages/core/src/knowledge/checksum-files.ts';

const a = 'a'.repeat(64);
const b = 'b'.repeat(64);
const tool: ChecksumQuery = { file: 'tool-arm64', algorithm: 'sha256', format: 'sums' };
const single: ChecksumQuery = { ...tool, format: 'single' };

describe('findChecksum', () => {
  const rows: readonly (readonly [string, string, ChecksumQuery, string | undefined])[] = [
    ['GNU lines', `${b}  tool-amd64\n${a}  tool-arm64\n`, tool, a],
    ['GNU binary lines', `${b} *tool-amd64\n${a} *tool-arm64\n`, tool, a],
    ['CRLF and a BOM, upper case', `\uFEFF${'A'.repeat(64)} *tool-arm64\r\n`, tool, a],
    ['one blank or tabs', `${a} tool-arm64\n${b}\ttool-amd64`, tool, a],
    ['folders before the name', `${b}  ./bin/tool-amd64\n${a}  ./bin/tool-arm64`, tool, a],
    ['BSD lines', `SHA256 (tool-amd64) = ${b}\nSHA256 (tool-arm64) = ${a}`, tool, a],
    [
      'BSD lines of several algorithms',
      `MD5 (tool-arm64) = ${'c'.repeat(32)}\nSHA256 (tool-arm64) = ${a}`,
      tool,
      a,
    ],
    ['OpenSSL lines', `SHA256(tool-arm64)= ${a}`, tool, a],
    ['SHA2-256 is not the same word', `SHA2-256(tool-arm64)= ${a}`, tool, undefined],
    [
      'a clear-signed list',
      `-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n${a}  tool-arm64\n-----BEGIN PGP SIGNATURE-----\n\n${b}\n-----END PGP SIGNATURE-----\n`,
      tool,
      a,
    ],
    [
      'a signed list that is cut off',
      `-----BEGIN PGP SIGNED MESSAGE-----\n\n${a}  tool-arm64\n`,
      tool,
      undefined,
    ],
    ['a hash alone', `${a}\n`, single, a],
    ['a hash alone in a list', `${a}\n`, tool, undefined],
    ['a hash with the name', `${a}  tool-arm64\n`, single, a],
    ['a hash with another name', `${a}  tool-amd64\n`, single, undefined],
    ['two hashes alone', `${a}\n${b}\n`, single, undefined],
    ['the same line twice', `${a}  tool-arm64\n${a}  tool-arm64\n`, tool, a],
    ['two hashes for one file', `${a}  tool-arm64\n${b}  tool-arm64\n`, tool, undefined],
    ['a name that only ends alike', `${a}  other-tool-arm64\n`, tool, undefined],
    ['a name that is a pattern', `${a}  tool-arm64xgz\n`, { ...tool, file: 'tool-arm64.gz' }, undefined],
    ['the wrong length', `${'a'.repeat(63)}  tool-arm64\n`, tool, undefined],
    ['another algorithm', `${'a'.repeat(128)}  tool-arm64\n`, tool, undefined],
    ['sha512', `${'a'.repeat(128)}  tool-arm64\n`, { ...tool, algorithm: 'sha512' }, 'a'.repeat(128)],
    ['md5', `${'a'.repeat(32)}  tool-arm64\n`, { ...tool, algorithm: 'md5' }, 'a'.repeat(32)],
    ['sha1', `${'a'.repeat(40)}  tool-arm64\n`, { ...tool, algorithm: 'sha1' }, 'a'.repeat(40)],
    [
      "Go's JSON",
      JSON.stringify([{ version: 'go1', files: [{ filename: 'tool-arm64', sha256: a }, { filename: 'x' }] }]),
      tool,
      a,
    ],
    ['JSON of another shape', '[1, null, {"files": 3}, {"files": [null, {"filename": 1}]}]', tool, undefined],
    ['broken JSON', '[{"files": [', tool, undefined],
    ['an object', `{"tool-arm64": "${a}"}`, tool, undefined],
    ['a web page', `<!DOCTYPE html><html><body>404 ${a}  tool-arm64</body></html>`, tool, undefined],
    ['nothing', '', single, undefined],
    ['blanks', ' \n\t\n', single, undefined],
    ['a comment', `# ${a}  tool-arm64`, tool, undefined],
  ];
  for (const [title, document, query, expected] of rows) {
    it(title, () => {
      expect(findChecksum(document, query)).to.equal(expected);
    });
  }

  it('reads long and hostile documents', () => {
    for (const text of [
      ' '.repeat(500_000),
      'a'.repeat(500_000),
      '('.repeat(500_000),
      `${a} `.repeat(20_000),
    ])
      expect(findChecksum(text, tool)).to.equal(undefined);
  });
});
