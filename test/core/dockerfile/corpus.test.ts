import { readFileSync } from 'node:fs';
import { applyEdits, type Dockerfile, parseDockerfile, type TextEdit } from '@mabuild/core';
import { isMabuildError } from '@mabuild/oci';
import { expect } from 'chai';
import { corpusParts, corpusPaths } from '../../support/corpus.ts';
import { hasShared, sharedDescribe } from '../../support/shared.ts';

function read(file: string): Dockerfile | undefined {
  const text = readFileSync(file, 'utf8');
  try {
    return parseDockerfile(text, { file });
  } catch (error) {
    if (!isMabuildError(error)) throw error;
    expect(error.code, file).to.equal('DOCKERFILE_SYNTAX');
    expect(error.location?.file).to.equal(file);
    expect(error.location?.line, file).to.be.greaterThan(0);
    expect(error.location?.column, file).to.be.greaterThan(0);
    return undefined;
  }
}

/** Renames every base; a word that a continuation splits is renamed in its first piece. */
function renameBases(dockerfile: Dockerfile): readonly TextEdit[] {
  return dockerfile.stages.flatMap((stage) =>
    stage.base.pieces.map((piece, index) => ({ ...piece, newText: index === 0 ? 'renamed/image:1' : '' })),
  );
}

/** Cuts the edits' ranges out: what is left must be what is left of the edited text. */
function expectTheRestUntouched(before: string, after: string, edits: readonly TextEdit[]): void {
  const sorted = [...edits].sort((a, b) => a.start - b.start);
  let from = 0;
  let at = 0;
  for (const edit of sorted) {
    const kept = before.slice(from, edit.start);
    expect(after.slice(at, at + kept.length)).to.equal(kept);
    at += kept.length;
    expect(after.slice(at, at + edit.newText.length)).to.equal(edit.newText);
    at += edit.newText.length;
    from = edit.end;
  }
  expect(after.slice(at)).to.equal(before.slice(from));
}

sharedDescribe('every Dockerfile of the corpora', () => {
  for (const folder of corpusParts) {
    it(folder, () => {
      const files = hasShared() ? corpusPaths(folder) : [];
      expect(files.length).to.be.greaterThan(20);
      let parsed = 0;
      for (const file of files) {
        const dockerfile = read(file);
        if (dockerfile === undefined) continue;
        parsed += 1;
        const { text } = dockerfile;
        expect(applyEdits(text, []), file).to.equal(text);
        for (const { logical } of dockerfile.instructions) {
          const joined = logical.pieces.map((piece) => text.slice(piece.start, piece.end)).join('');
          expect(joined, file).to.equal(logical.text);
        }
        const edits = renameBases(dockerfile);
        const edited = applyEdits(text, edits);
        expectTheRestUntouched(text, edited, edits);
        const again = parseDockerfile(edited, { file });
        expect(again.stages.map((stage) => stage.base.raw)).to.deep.equal(
          dockerfile.stages.map(() => 'renamed/image:1'),
        );
        expect(again.instructions.length, file).to.equal(dockerfile.instructions.length);
      }
      expect(parsed / files.length, 'share of files that parse').to.be.greaterThan(0.9);
    });
  }
});
