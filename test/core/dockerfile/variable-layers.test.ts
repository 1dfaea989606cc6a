import { expect } from 'chai';
import { variableLayers } from '../../../packages/core/src/dockerfile/variable-layers.ts';

describe('variables that change from line to line', () => {
  it('a snapshot does not see what comes after it', () => {
    const layers = variableLayers<number>();
    const empty = layers.snapshot();
    layers.set('a', 1);
    const one = layers.snapshot();
    layers.set('b', 2);
    layers.set('a', 3);
    layers.delete('b');
    const last = layers.snapshot();
    expect([...empty]).to.deep.equal([]);
    expect([...one]).to.deep.equal([['a', 1]]);
    expect([...last]).to.deep.equal([['a', 3]]);
    expect([one.get('a'), one.get('b'), last.get('b'), last.has('b'), last.size]).to.deep.equal([
      1,
      undefined,
      undefined,
      false,
      1,
    ]);
  });

  it('starts with what another snapshot or map holds, in its order', () => {
    const below = variableLayers(
      new Map([
        ['a', 1],
        ['b', 2],
      ]),
    );
    const base = below.snapshot();
    below.set('a', 9);
    const above = variableLayers(base);
    above.set('c', 3);
    above.set('b', 4);
    above.delete('a');
    const names: string[] = [];
    above.snapshot().forEach((value, name) => {
      names.push(`${name}${value}`);
    });
    expect(names).to.deep.equal(['b4', 'c3']);
    expect([...base.keys()], 'the one below').to.deep.equal(['a', 'b']);
    expect(base.get('a')).to.equal(1);
  });

  it('does as copies of maps do, whatever the changes', () => {
    let seed = 7;
    const random = (below: number): number => {
      seed = (seed * 1103515245 + 12345) % 2147483648;
      return seed % below;
    };
    for (let round = 0; round < 50; round += 1) {
      let layers = variableLayers<number>();
      let copy = new Map<string, number>();
      const taken: (readonly [ReadonlyMap<string, number>, ReadonlyMap<string, number>])[] = [];
      for (let step = 0; step < 60; step += 1) {
        const name = String.fromCharCode(97 + random(6));
        if (random(4) > 0) {
          layers.set(name, step);
          copy.set(name, step);
        } else {
          layers.delete(name);
          copy.delete(name);
        }
        if (random(3) === 0) taken.push([layers.snapshot(), new Map(copy)]);
        if (random(9) === 0) {
          layers = variableLayers(layers.snapshot());
          copy = new Map(copy);
        }
      }
      for (const [snapshot, map] of taken) {
        expect(Object.fromEntries(snapshot)).to.deep.equal(Object.fromEntries(map));
        for (const name of 'abcdef') expect(snapshot.get(name)).to.equal(map.get(name));
      }
    }
  });
});
