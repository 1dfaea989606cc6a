import {
  applyEdits,
  editExpanded,
  editLogical,
  globalScope,
  parseDockerfile,
  resolveBase,
  type TextEdit,
} from '@mabuild/core';
import { isMabuildError } from '@mabuild/oci';
import { expect } from 'chai';

describe('applyEdits', () => {
  const text = 'FROM a\r\nRUN b\n';
  const good: readonly [string, readonly TextEdit[], string][] = [
    ['no edit', [], text],
    ['a replacement', [{ start: 5, end: 6, newText: 'x/y' }], 'FROM x/y\r\nRUN b\n'],
    [
      'edits in any order',
      [
        { start: 12, end: 13, newText: 'c' },
        { start: 0, end: 0, newText: '# n\r\n' },
      ],
      '# n\r\nFROM a\r\nRUN c\n',
    ],
    [
      'an insertion at either end of a replacement',
      [
        { start: 5, end: 6, newText: 'z' },
        { start: 5, end: 5, newText: '<' },
        { start: 6, end: 6, newText: '>' },
      ],
      'FROM <z>\r\nRUN b\n',
    ],
    [
      'insertions at one place, in the order given',
      [
        { start: 8, end: 8, newText: 'ARG A\n' },
        { start: 8, end: 8, newText: 'ARG B\n' },
      ],
      'FROM a\r\nARG A\nARG B\nRUN b\n',
    ],
    [
      'the same edit twice, made once',
      [
        { start: 8, end: 8, newText: 'ARG A\n' },
        { start: 8, end: 8, newText: 'ARG A\n' },
      ],
      'FROM a\r\nARG A\nRUN b\n',
    ],
  ];
  for (const [name, edits, expected] of good) {
    it(name, () => expect(applyEdits(text, edits)).to.equal(expected));
  }

  const bad: readonly [string, readonly TextEdit[]][] = [
    [
      'overlap',
      [
        { start: 0, end: 6, newText: '' },
        { start: 5, end: 7, newText: 'x' },
      ],
    ],
    [
      'two texts for one place',
      [
        { start: 5, end: 6, newText: 'x' },
        { start: 5, end: 6, newText: 'y' },
      ],
    ],
    [
      'an insertion inside a replacement',
      [
        { start: 0, end: 6, newText: '' },
        { start: 3, end: 3, newText: 'x' },
      ],
    ],
    ['beyond the end', [{ start: 0, end: 99, newText: '' }]],
    ['backwards', [{ start: 5, end: 4, newText: '' }]],
  ];
  for (const [name, edits] of bad) {
    it(`refuses ${name}`, () => {
      try {
        applyEdits(text, edits);
      } catch (error) {
        expect(isMabuildError(error) && error.code).to.equal('EDIT_CONFLICT');
        return;
      }
      throw new Error('the edits were made');
    });
  }
});

/** Renames every external base to `new` through whatever it is made of. */
function renameBases(text: string): string {
  const dockerfile = parseDockerfile(text);
  const edits = dockerfile.stages.flatMap((stage) => {
    const base = resolveBase(dockerfile, stage);
    if (base.kind !== 'image' || base.expanded === undefined) return [];
    return editExpanded(base.expanded, 0, base.name.length, 'new') ?? [];
  });
  return applyEdits(text, edits);
}

describe('an edit leaves everything else as it is', () => {
  const rows: readonly [string, string, string][] = [
    ['a byte order mark', '\ufeffFROM old\nRUN x\n', '\ufeffFROM new\nRUN x\n'],
    ['CRLF', 'FROM old\r\nRUN a && \\\r\n  b\r\n', 'FROM new\r\nRUN a && \\\r\n  b\r\n'],
    [
      'escape=`',
      '# escape=`\nFROM old `\n  AS x\nRUN dir c:\\ `\n && y',
      '# escape=`\nFROM new `\n  AS x\nRUN dir c:\\ `\n && y',
    ],
    [
      'directives',
      '# syntax=docker/dockerfile:1\n# check=skip=all\n\nFROM old',
      '# syntax=docker/dockerfile:1\n# check=skip=all\n\nFROM new',
    ],
    [
      'heredocs',
      'FROM old\nRUN <<EOF\nFROM old\n\tEOF\nEOF\nCOPY <<-"E" /x\n$y\n\tE\n',
      'FROM new\nRUN <<EOF\nFROM old\n\tEOF\nEOF\nCOPY <<-"E" /x\n$y\n\tE\n',
    ],
    [
      'ONBUILD',
      'FROM old\nONBUILD RUN  x  \nonbuild copy a b\n',
      'FROM new\nONBUILD RUN  x  \nonbuild copy a b\n',
    ],
    [
      'comments inside continuations',
      'FROM \\\n # why\n  old \\\n\n  AS x\n',
      'FROM \\\n # why\n  new \\\n\n  AS x\n',
    ],
    ['a word that a continuation splits', 'FROM ol\\\n# c\nd:1 AS x\nRUN y', 'FROM \\\n# c\nnew AS x\nRUN y'],
    ['a word that ends with its line', 'FROM ol\\\nd:1\nRUN y', 'FROM \\\nnew\nRUN y'],
    ['quotes', 'FROM "old:1"\n', 'FROM "new"\n'],
    ['the default of an ARG', 'ARG B="old:1" C\nFROM $B AS x\n', 'ARG B="new" C\nFROM $B AS x\n'],
    [
      'a default that an ARG takes from another',
      'ARG A=old:1\nARG B=${A}\nFROM ${B}\n',
      'ARG A=new\nARG B=${A}\nFROM ${B}\n',
    ],
    ['an inline default', 'FROM ${B:-old:1}\n', 'FROM ${B:-new}\n'],
    ['trailing spaces and no final line end', '  from old  \n\n\tRUN x  ', '  from new  \n\n\tRUN x  '],
  ];
  for (const [name, before, after] of rows) {
    it(name, () => {
      expect(applyEdits(before, [])).to.equal(before);
      expect(renameBases(before)).to.equal(after);
    });
  }

  it('offers no edit where a name has no one place', () => {
    const dockerfile = parseDockerfile('ARG V=1\nFROM old:$V\nFROM old:${V/1/2}\n');
    for (const stage of dockerfile.stages) {
      const base = resolveBase(dockerfile, stage);
      if (base.kind !== 'image' || base.expanded === undefined) throw new Error('no image');
      expect(editExpanded(base.expanded, 0, base.name.length, 'new')).to.equal(undefined);
      expect(editExpanded(base.expanded, 0, 3, 'new')).to.have.length(1);
    }
  });

  it('replaces a span of a RUN across continuations', () => {
    const text = 'FROM a\nRUN apt-get \\\n# c\n install x\n';
    const { logical } = parseDockerfile(text).stages[0]?.instructions[0] ?? {
      logical: { text: '', pieces: [] },
    };
    const start = logical.text.indexOf('get');
    const edits = editLogical(logical, start, logical.text.indexOf('x'), 'cache ');
    expect(applyEdits(text, edits)).to.equal('FROM a\nRUN apt-\\\n# c\ncache x\n');
  });

  it('knows no place for what comes from outside', () => {
    const dockerfile = parseDockerfile('ARG B=old\nFROM $B\n');
    const [stage] = dockerfile.stages;
    if (stage === undefined) throw new Error('no stage');
    const buildArgs = { B: 'given' };
    expect(globalScope(dockerfile, { buildArgs }).get('B')).to.include({ value: 'given', from: 'build-arg' });
    const base = resolveBase(dockerfile, stage, { buildArgs });
    if (base.kind !== 'image' || base.expanded === undefined) throw new Error('no image');
    expect(base.name).to.equal('given');
    expect(editExpanded(base.expanded, 0, 5, 'new')).to.equal(undefined);
  });
});
