import { Readable } from 'node:stream';
import { digestOf, type ImageSource, MabuildError, mediaTypes } from '@mabuild/oci';
import { expect } from 'chai';
import { type ChangeTag, editTag, replaceTag } from '../../../packages/cli/src/sdk/indexes/edit-tag.ts';
import type { IndexTarget } from '../../../packages/cli/src/sdk/indexes/index-target.ts';
import type { TagWrite } from '../../../packages/cli/src/sdk/indexes/write-tag.ts';
import { rejection } from '../../support/rejection.ts';

/** A set of names as if it were an index. */
function sourceOf(names: readonly string[]): ImageSource {
  const bytes = Buffer.from(JSON.stringify([...names].sort()));
  return {
    root: { mediaType: mediaTypes.ociIndex, digest: digestOf(bytes), size: bytes.length },
    read: async () => Readable.from([bytes], { objectMode: false }),
  };
}

/** A tag in memory, and other writers, who do what a test says before our looks and writes. */
class Tag implements IndexTarget {
  readonly name = 'app:1';
  readonly shared: boolean = true;
  readonly written: string[] = [];
  names: readonly string[] | undefined;
  looks = 0;
  /** Called before the n-th look, from 1. */
  beforeLook: (look: number) => void = () => undefined;
  /** What a write says of itself. */
  blind = 0;
  /** What others write and our write overwrites: its n-th, from 1. */
  overwriting: (write: number) => readonly string[] | undefined = () => undefined;
  readonly #known = new Map<string, readonly string[]>();

  constructor(...names: readonly string[]) {
    this.names = names.length === 0 ? undefined : names;
  }

  async read(): Promise<ImageSource | undefined> {
    this.looks += 1;
    this.beforeLook(this.looks);
    if (!this.names) return undefined;
    const source = sourceOf(this.names);
    this.#known.set(source.root.digest, this.names);
    return source;
  }

  namesOf(source: ImageSource | undefined): readonly string[] {
    return (source && this.#known.get(source.root.digest)) ?? [];
  }

  make(names: readonly string[]): ImageSource {
    const source = sourceOf(names);
    this.#known.set(source.root.digest, names);
    return source;
  }

  async put(source: ImageSource): Promise<ImageSource> {
    return source;
  }

  async write(source: ImageSource, expected: { readonly digest: string } | 'absent'): Promise<TagWrite> {
    const now = this.names && sourceOf(this.names).root.digest;
    if (now !== (expected === 'absent' ? undefined : expected.digest)) {
      return { written: false, blind: this.blind, others: [] };
    }
    this.names = this.namesOf(source);
    this.written.push(this.names.join(' '));
    const others = this.overwriting(this.written.length);
    return { written: true, blind: this.blind, others: others ? [this.make(others)] : [] };
  }
}

/** Adds a name, unless it is `other`'s: two cannot have one. */
function adding(tag: Tag, name: string): ChangeTag {
  return async (found, overwritten) => {
    const names = [...tag.namesOf(found)];
    for (const { before, after } of overwritten) {
      const known = [...names, ...tag.namesOf(before)];
      names.push(...tag.namesOf(after).filter((other) => !known.includes(other)));
    }
    const now = found && names.length === tag.namesOf(found).length ? found : undefined;
    if (names.includes(`other ${name}`)) throw new MabuildError('twice', { code: 'DUPLICATE_PLATFORM' });
    if (names.includes(name)) return now ?? tag.make(names);
    return tag.make([...names, name]);
  };
}

const settle = 8;

describe('editTag', () => {
  const rows: readonly {
    readonly what: string;
    readonly tag: () => Tag;
    readonly others?: (tag: Tag) => void;
    readonly gives: string;
    readonly written: readonly string[];
  }[] = [
    { what: 'adds to nothing', tag: () => new Tag(), gives: 'a', written: ['a'] },
    { what: 'adds to what is there', tag: () => new Tag('x'), gives: 'x a', written: ['x a'] },
    { what: 'writes nothing that is there', tag: () => new Tag('x', 'a'), gives: 'x a', written: [] },
    {
      what: 'adds to what came between its look and its write',
      tag: () => new Tag('x'),
      others: (tag) => {
        const write = tag.write.bind(tag);
        let first = true;
        tag.write = async (source, expected) => {
          if (first) tag.names = ['x', 'b'];
          first = false;
          return write(source, expected);
        };
      },
      gives: 'x b a',
      written: ['x b a'],
    },
    {
      what: 'puts back what an unseen write took away',
      tag: () => new Tag('x'),
      others: (tag) => {
        tag.beforeLook = (look) => {
          if (look === 2) tag.names = ['x', 'b'];
        };
      },
      gives: 'x b a',
      written: ['x a', 'x b a'],
    },
    {
      what: 'puts it back as often as it takes',
      tag: () => new Tag('x'),
      others: (tag) => {
        tag.beforeLook = (look) => {
          if (look === 5) tag.names = ['x', 'b'];
          if (look === 9) tag.names = ['x', 'b', 'c'];
        };
      },
      gives: 'x b c a',
      written: ['x a', 'x b a', 'x b c a'],
    },
    {
      what: 'is content with what others made of it',
      tag: () => new Tag('x'),
      others: (tag) => {
        tag.beforeLook = (look) => {
          if (look === 3) tag.names = ['x', 'a', 'b'];
        };
      },
      gives: 'x a b',
      written: ['x a'],
    },
    {
      what: 'puts back what its own write took away, though nobody is left to ask for it',
      tag: () => new Tag('x'),
      others: (tag) => {
        tag.overwriting = (write) => (write === 1 ? ['x', 'b'] : undefined);
      },
      gives: 'x a b',
      written: ['x a', 'x a b'],
    },
    {
      what: 'puts nothing back that is there',
      tag: () => new Tag('x'),
      others: (tag) => {
        tag.overwriting = (write) => (write === 1 ? ['x', 'b'] : undefined);
        tag.beforeLook = (look) => {
          if (look === 2) tag.names = ['x', 'b', 'a'];
        };
      },
      gives: 'x b a',
      written: ['x a'],
    },
    {
      what: 'writes anew what was deleted meanwhile',
      tag: () => new Tag('x'),
      others: (tag) => {
        tag.beforeLook = (look) => {
          if (look === 2) tag.names = undefined;
        };
      },
      gives: 'a',
      written: ['x a', 'a'],
    },
  ];
  for (const { what, tag: make, others, gives, written } of rows) {
    it(what, async () => {
      const tag = make();
      others?.(tag);
      const source = await editTag(tag, adding(tag, 'a'), { settle });
      expect(tag.names?.join(' ')).to.equal(gives);
      expect(tag.written).to.deep.equal(written);
      expect(tag.namesOf(source)).to.deep.equal(tag.names);
    });
  }

  it('looks at the tag several times after its write', async () => {
    const tag = new Tag();
    await editTag(tag, adding(tag, 'a'), { settle });
    expect(tag.looks).to.equal(5);
  });

  it('begins to watch anew whenever the tag changes, until it stands still', async () => {
    const tag = new Tag();
    tag.beforeLook = (look) => {
      if (look === 4) tag.names = ['a', 'b'];
      if (look === 7) tag.names = ['a', 'b', 'c'];
    };
    await editTag(tag, adding(tag, 'a'), { settle });
    expect(tag.looks).to.equal(11);
  });

  it('says so when its own write was slow', async () => {
    const tag = new Tag();
    tag.blind = 20;
    const slow: number[] = [];
    await editTag(tag, adding(tag, 'a'), { settle, onSlowWrite: (milliseconds) => slow.push(milliseconds) });
    expect(slow).to.deep.equal([20]);
  });

  it('does not watch what nobody else writes unseen', async () => {
    const tag = Object.assign(new Tag(), { shared: false });
    await editTag(tag, adding(tag, 'a'), { settle });
    expect(tag.looks).to.equal(1);
  });

  it('passes on what stands against the change from the beginning', async () => {
    const tag = new Tag('other a');
    expect(await rejection(editTag(tag, adding(tag, 'a'), { settle }))).to.have.property(
      'code',
      'DUPLICATE_PLATFORM',
    );
  });

  it('does not fight over what another writer wants as well', async () => {
    const tag = new Tag('x');
    tag.beforeLook = (look) => {
      if (look === 2) tag.names = ['x', 'other a'];
    };
    const error = await rejection(editTag(tag, adding(tag, 'a'), { settle }));
    expect(error).to.have.property('code', 'REGISTRY_TAG_MOVED');
    expect(error.message).to.equal(
      'app:1 was written by somebody else meanwhile, and does not go together with this: twice',
    );
    expect(tag.names).to.deep.equal(['x', 'other a']);
  });

  it('gives up when it never gets its turn', async () => {
    const tag = new Tag('x');
    let others = 0;
    tag.write = async () => {
      others += 1;
      return { written: false, blind: 0, others: [] };
    };
    const error = await rejection(editTag(tag, adding(tag, 'a'), { settle }));
    expect(error).to.have.property('code', 'REGISTRY_TAG_MOVED');
    expect(others).to.equal(40);
  });

  it('passes on the reason of an abort while it watches', async () => {
    const tag = new Tag();
    const controller = new AbortController();
    const reason = new Error('enough');
    setTimeout(() => controller.abort(reason), 10);
    expect(
      await rejection(editTag(tag, adding(tag, 'a'), { settle: 10_000, signal: controller.signal })),
    ).to.equal(reason);
  });
});

describe('replaceTag', () => {
  it('writes, watches, and leaves alone what is there', async () => {
    const tag = new Tag('x');
    const wanted = tag.make(['a']);
    const seen = (await tag.read())?.root;
    expect(await replaceTag(tag, wanted, seen, { settle })).to.equal(wanted.root);
    expect(tag.names).to.deep.equal(['a']);
    await replaceTag(tag, wanted, wanted.root, { settle });
    expect(tag.written).to.have.length(1);
  });

  it('does not overwrite what came since the work began', async () => {
    const tag = new Tag('x');
    const seen = (await tag.read())?.root;
    tag.names = ['b'];
    const error = await rejection(replaceTag(tag, tag.make(['a']), seen, { settle }));
    expect(error).to.have.property('code', 'REGISTRY_TAG_MOVED');
    expect(tag.names).to.deep.equal(['b']);
  });

  it('says that it came upon another writer', async () => {
    const tag = new Tag();
    tag.overwriting = () => ['b'];
    const error = await rejection(replaceTag(tag, tag.make(['a']), undefined, { settle }));
    expect(error).to.have.property('code', 'REGISTRY_TAG_MOVED');
  });

  it('says that it was overwritten', async () => {
    const tag = new Tag();
    tag.beforeLook = (look) => {
      if (look === 3) tag.names = ['b'];
    };
    const error = await rejection(replaceTag(tag, tag.make(['a']), undefined, { settle }));
    expect(error).to.have.property('code', 'REGISTRY_TAG_MOVED');
    expect(error.message).to.match(/^app:1 was written by somebody else at the same time/);
  });
});
