import { applyEdits, parseDockerfile } from '@mabuild/core';
import { parsePlatform } from '@mabuild/oci';
import { expect } from 'chai';
import { perArchEdits } from '../../../packages/core/src/fixes/per-arch.ts';
import { type Marked, readMarked } from '../../support/variations.ts';

const v7 = parsePlatform('linux/arm/v7');
const marked: Readonly<Record<string, Marked>> = {
  x64: { arm64: 'arm64', v7: 'armv7l' },
  '-x64': { v7: '' },
  'x64-': { v7: '' },
  ia32: { v7: '' },
  lib32z1: { v7: '' },
  '': { v7: '-armhf' },
  onlyArm64: { arm64: 'arm64' },
};

const rows: readonly (readonly [title: string, before: string, after: string])[] = [
  ['a part of a word', 'FROM a\nRUN curl -O b-«x64».tar\n', 'FROM a\nRUN curl -O b-armv7l.tar\n'],
  ['quotes', 'FROM a\nRUN echo \'«x64»\' "«x64»"\n', 'FROM a\nRUN echo \'armv7l\' "armv7l"\n'],
  ['an exec form', 'FROM a\nCMD ["/x-«x64»"]\n', 'FROM a\nCMD ["/x-armv7l"]\n'],
  ['ENV', 'FROM a\nENV A=«x64» B="«x64»"\r\n', 'FROM a\nENV A=armv7l B="armv7l"\r\n'],
  ['a global ARG', 'ARG A=«x64»\nFROM a\n', 'ARG A=armv7l\nFROM a\n'],
  [
    'a continuation in the text',
    'FROM a\nRUN echo a-«x\\\n6\\\n# note\n4».tar\n',
    'FROM a\nRUN echo a-\\\n\\\n# note\narmv7l.tar\n',
  ],
  ['nothing there', 'FROM a\nRUN curl -O tini«»\n', 'FROM a\nRUN curl -O tini-armhf\n'],
  ['not known', 'FROM a\nRUN echo «onlyArm64»\n', 'FROM a\nRUN echo onlyArm64\n'],
  ['the same place twice', 'FROM a\nRUN echo ««x64»»\n', 'FROM a\nRUN echo armv7l\n'],
  ['a part of a word dropped', 'FROM a\nRUN curl -O b«-x64».tar\n', 'FROM a\nRUN curl -O b.tar\n'],
  ['the head of a word dropped', 'FROM a\nRUN echo «x64-»b\n', 'FROM a\nRUN echo b\n'],
  ['a word dropped', 'FROM a\nRUN apt-get install a «ia32» b\n', 'FROM a\nRUN apt-get install a b\n'],
  ['the last word dropped', 'FROM a\nRUN apt-get install a  «ia32»\n', 'FROM a\nRUN apt-get install a\n'],
  ['a word before an operator', 'FROM a\nRUN apt install a «ia32»; b\n', 'FROM a\nRUN apt install a; b\n'],
  ['a word in quotes dropped', 'FROM a\nRUN apt install "«ia32»" b\n', 'FROM a\nRUN apt install b\n'],
  ['two words dropped', 'FROM a\nRUN apt install a «ia32» «lib32z1» b\n', 'FROM a\nRUN apt install a b\n'],
  [
    'the first word of a line dropped',
    'FROM a\nRUN apt install \\\n    «ia32» b \\\n    c\n',
    'FROM a\nRUN apt install \\\n    b \\\n    c\n',
  ],
  [
    'a line dropped',
    'FROM a\nRUN apt install a \\\n    «ia32» \\\n    b\n',
    'FROM a\nRUN apt install a \\\n    b\n',
  ],
  [
    'a line of two words dropped',
    'FROM a\r\nRUN apt install a \\\r\n    «ia32» «lib32z1»  \\\r\n    b\r\n',
    'FROM a\r\nRUN apt install a \\\r\n    b\r\n',
  ],
  [
    'the last line dropped',
    'FROM a\nRUN apt install \\\n    a \\\n    «ia32»\nUSER x\n',
    'FROM a\nRUN apt install \\\n    a\nUSER x\n',
  ],
  [
    'the last lines dropped, with a comment between',
    'FROM a\nRUN apt install \\\n    a \\\n    «lib32z1» \\\n    # why\n    «ia32»',
    'FROM a\nRUN apt install \\\n    a\n    # why\n',
  ],
  [
    'another escape',
    '# escape=`\nFROM a\nRUN apt install a `\n    «ia32» `\n    b\n',
    '# escape=`\nFROM a\nRUN apt install a `\n    b\n',
  ],
  [
    'a heredoc',
    'FROM a\nRUN <<EOF\napt install a \\\n  «ia32»\necho «x64»\nEOF\n',
    'FROM a\nRUN <<EOF\napt install a\necho armv7l\nEOF\n',
  ],
];

describe('fixes for one platform', () => {
  for (const [title, before, after] of rows) {
    it(title, () => {
      const { text, dockerfile, variations } = readMarked(before, marked);
      const result = applyEdits(text, perArchEdits(dockerfile, variations, v7));
      expect(result).to.equal(after);
      parseDockerfile(result);
    });
  }
});
