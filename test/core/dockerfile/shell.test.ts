import { expect } from 'chai';
import { parseShell } from '../../../packages/core/src/dockerfile/shell.ts';

/** Each command as its words, with the conditions it runs under. */
function commands(text: string): readonly string[] {
  return parseShell(text).commands.map(({ words, assignments, branches }) => {
    const parts = [
      ...assignments.map(({ name, value }) => `${name}=${value.text}`),
      ...words.map((word) => word.text),
    ];
    const conditions = branches.map(
      ({ condition, patterns, negated }) =>
        `${negated ? 'not ' : ''}${condition}${patterns.length > 0 ? ` in ${patterns.join('|')}` : ''}`,
    );
    return parts.join(' ') + (conditions.length > 0 ? ` ? ${conditions.join(' ? ')}` : '');
  });
}

describe('parseShell', () => {
  const rows: readonly [text: string, expected: readonly string[]][] = [
    ['a b; c', ['a b', 'c']],
    ['a | b && c', ['a', 'b', 'c']],
    ['A=1 B="$C" cmd "x y"', ['A=1 B="$C" cmd "x y"']],
    ['[ -f x ] && a && b', ['[ -f x ]', 'a ? [ -f x ]', 'b ? [ -f x ]']],
    ['[ -f x ] || a', ['[ -f x ]', 'a ? not [ -f x ]']],
    ['curl x || exit 1; a', ['curl x', 'exit 1', 'a']],
    ['if a; then b; else c; fi', ['a', 'b ? a', 'c ? not a']],
    ['if a; then b; elif c; then d; fi', ['a', 'b ? a', 'c', 'd ? not a ? c']],
    ['case "$(arch)" in x|y) a ;; *) b ;; esac', ['arch', 'a ? "$(arch)" in x|y', 'b ? "$(arch)" in *']],
    ['x="$(uname -m)"', ['uname -m', 'x="$(uname -m)"']],
    ['for i in a b; do c $i; done', ['i a b', 'c $i']],
    ['for i in $(a) b; do c; done', ['a', 'i $(a) b', 'c']],
    ['for i; do c; done', ['c']],
    ['x=(a "$b"); c', ['x a "$b"', '', 'c']],
    ["sh -c 'a && b'", ["sh -c 'a && b'", 'a', 'b']],
    ['(a; b) & c', ['a', 'b', 'c']],
    ['f() { a; }; f', ['a', 'f']],
    ['while read x; do a; done < b', ['read x', 'a']],
    ['', []],
  ];
  for (const [text, expected] of rows) {
    it(JSON.stringify(text), () => expect(commands(text)).to.deep.equal(expected));
  }

  it('gives the place of every exact part', () => {
    const text = `a "b-$C-d" 'e'f\\ g $(h "i") sh -c 'j k' <<EOF\nl $M\nEOF\n`;
    const script = parseShell(text);
    const words = script.commands.flatMap(({ words, hereDocs }) => [
      ...words,
      ...hereDocs.map(({ body }) => body),
    ]);
    const parts = words.flatMap((word) => word.parts);
    expect(parts).to.not.deep.equal([]);
    for (const part of parts) {
      const written = text.slice(part.start, part.end);
      if (part.kind === 'text' && part.exact) expect(written).to.equal(part.value);
      if (part.kind === 'variable') expect(written).to.match(/^\$\{?\w+/);
      if (part.kind === 'dynamic') expect(written).to.equal(part.text);
    }
  });

  const broken = ['if a; then', 'case x in', 'a "b', 'a $(b', 'done'];
  for (const text of broken) {
    it(`does not throw on ${JSON.stringify(text)}`, () => expect(parseShell(text).broken).to.equal(true));
  }

  const handedOn: readonly string[] = [
    'bash <<EOF\na "b c" $x ${y:-z}\nif true; then e; fi\nEOF\n',
    `a && sudo bash -e <<-'EOF' && c\n\tfoo "bar" baz\\ x\n\tcat <<X\n\tq w\n\tX\n\tEOF\necho after\n`,
    'cat <<EOF | bash\nfor p in a b; do c $p; done\nx=(1 2)\nEOF\n',
    `bash <<A; sh <<'B'\none $t\nA\ntwo three\nB\n`,
    `sh -c 'a \${b:-c} d'`,
  ];
  for (const text of handedOn) {
    it(`knows where the words of an inner shell are in ${JSON.stringify(text)}`, () => {
      const words = parseShell(text).commands.flatMap((command) => [
        ...command.words,
        ...command.assignments.map(({ value }) => value),
        ...command.hereDocs.map(({ body }) => body),
      ]);
      for (const word of words) {
        expect(text.slice(word.start, word.end)).to.equal(word.text);
        for (const part of word.parts) {
          const operand = part.kind === 'variable' ? part.operand : undefined;
          if (operand) expect(text.slice(operand.start, operand.end)).to.equal(operand.text);
          if (part.kind === 'text' && part.exact)
            expect(text.slice(part.start, part.end)).to.equal(part.value);
        }
      }
    });
  }

  it('tells switches with their fallback', () => {
    const text = 'case $a in x) b ;; *) exit 1 ;; esac; if c; then d; fi';
    const [first, second] = parseShell(text).switches;
    expect(
      first?.branches.map(({ patterns, start, end }) => [...patterns, text.slice(start, end)]),
    ).to.deep.equal([['x', 'b']]);
    expect(first?.fallback && text.slice(first.fallback.start, first.fallback.end)).to.equal('exit 1');
    expect(second?.kind).to.equal('if');
    expect(second?.fallback).to.equal(undefined);
  });
});
