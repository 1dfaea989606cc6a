import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { type FolderFacts, filterLayer } from '@mabuild/oci';
import { expect } from 'chai';
import { rejection } from '../../support/rejection.ts';
import { makeTar, type TarInput } from '../../support/tar.ts';

const emulator = 'usr/libexec/qemu-binfmt/arm-binfmt-P';
const content = Buffer.alloc(1500, 'q');
const rootOwned: FolderFacts = { mode: 0o755, uid: 0, gid: 0 };
const usr = { path: 'usr/', folder: true } as const;
const libexec = { path: 'usr/libexec/', folder: true } as const;
const folder = { path: 'usr/libexec/qemu-binfmt/', folder: true } as const;
const program = { path: emulator, content, mode: 0o755 } as const;
const long = { path: `opt/${'deep/'.repeat(40)}file`, content: 'long' } as const;
const file = { path: 'etc/app.conf', content: 'x=1' } as const;

interface Row {
  readonly what: string;
  readonly layer: readonly TarInput[];
  readonly left: readonly TarInput[];
  readonly below?: readonly (readonly [string, FolderFacts])[];
  readonly empty?: true;
}

const rows: readonly Row[] = [
  { what: 'a layer without it', layer: [file, long], left: [file, long] },
  { what: 'a layer of nothing else', layer: [usr, libexec, folder, program], left: [], empty: true },
  { what: 'a file beside it', layer: [usr, libexec, folder, program, file], left: [file] },
  {
    what: 'a sibling in its folder',
    layer: [usr, libexec, folder, program, { path: 'usr/libexec/other', content: 'o' }],
    left: [usr, libexec, { path: 'usr/libexec/other', content: 'o' }],
  },
  {
    what: 'a folder whose mode the layer changed',
    layer: [{ ...usr, mode: 0o700 }, libexec, folder, program],
    below: [['usr', rootOwned]],
    left: [{ ...usr, mode: 0o700 }],
  },
  {
    what: 'names that begin with ./',
    layer: [
      { path: './', folder: true },
      { ...program, path: `./${emulator}` },
    ],
    left: [{ path: './', folder: true }],
    empty: true,
  },
  {
    what: 'a whiteout of it',
    layer: [file, { path: 'usr/libexec/qemu-binfmt/.wh.arm-binfmt-P' }],
    left: [file],
  },
  {
    what: 'a hard link to it',
    layer: [program, { path: 'bin/emulator', hardlink: emulator }, file],
    left: [file],
  },
  {
    what: 'a copy below another root',
    layer: [{ ...program, path: `rootfs/${emulator}` }, file],
    left: [file],
  },
  {
    what: 'a file of that name and another size elsewhere',
    layer: [{ path: `rootfs/${emulator}`, content: 'mine' }],
    left: [{ path: `rootfs/${emulator}`, content: 'mine' }],
  },
  {
    what: 'a folder that was added to the context',
    layer: [
      { path: 'src/', folder: true },
      { path: 'src/.added/', folder: true },
      { path: 'src/.added/qemu', content },
      { path: 'src/.addedmine', content: 'mine' },
    ],
    left: [
      { path: 'src/', folder: true },
      { path: 'src/.addedmine', content: 'mine' },
    ],
  },
  {
    what: "a folder above the emulator's that is the layer's own",
    layer: [usr, libexec],
    left: [usr, libexec],
  },
  {
    what: 'long names, links and empty files',
    layer: [long, { path: 'a', symlink: 'b' }, { path: 'e' }, program],
    left: [long, { path: 'a', symlink: 'b' }, { path: 'e' }],
  },
];

describe('oci filterLayer', () => {
  for (const { what, layer, left, below = [], empty = false } of rows) {
    it(`${what}, in pieces of any size`, async () => {
      for (const size of [1_000_000, 512, 700]) {
        const { body, result } = filter(makeTar(layer), size, new Map(below));
        expect((await buffer(body)).equals(makeTar(left))).to.equal(true);
        expect({ changed: result.changed, empty: result.empty }).to.deep.equal({
          changed: layer.length !== left.length,
          empty,
        });
      }
    });
  }

  const whole = makeTar([file, program]);
  const wrongSum = Buffer.from(whole);
  wrongSum[3] = 0x58;
  for (const [what, bytes] of [
    ['a cut inside a header', whole.subarray(0, 100)],
    ['a cut inside a file', whole.subarray(0, 514)],
    ['a cut inside an extended header', makeTar([long]).subarray(0, 520)],
    ['an extended header without a member', makeTar([long]).subarray(0, 1024)],
    ['a wrong checksum', wrongSum],
    ['text', Buffer.alloc(2000, 'text')],
    ...['-512', 'NaN', '0.5', '1x', '0x10', '1e3', '', '9007199254740993'].map(
      (size) => [`a size of ${JSON.stringify(size)}`, makeTar([sized(size), file])] as const,
    ),
  ] as const) {
    it(`refuses ${what}`, async () => {
      expect((await rejection(buffer(filter(bytes, 1000, new Map()).body))).code).to.equal('INVALID_TAR');
    });
  }
});

/** An extended header that gives the next member another size. */
function sized(size: string): TarInput {
  const rest = ` size=${size}\n`;
  const record = `${rest.length + (rest.length < 9 ? 1 : 2)}${rest}`;
  return { path: 'pax', type: 'x', content: record };
}

function filter(
  tar: Buffer,
  size: number,
  below: ReadonlyMap<string, FolderFacts>,
): ReturnType<typeof filterLayer> {
  const pieces = function* (): Generator<Buffer> {
    for (let at = 0; at < tar.length; at += size) yield tar.subarray(at, at + size);
  };
  return filterLayer(Readable.from(pieces()), {
    emulator: { path: emulator, size: content.length },
    folder: '.added',
    below,
  });
}
