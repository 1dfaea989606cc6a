import type { Row } from './row.ts';

/** A layer that holds nothing is not written. */
export const noLayer = {
  differs: { why: 'no layer is written where nothing changed', config: ['layers'], history: true },
} as const;

export const workdirRows: readonly Row[] = [
  ['WORKDIR absolute and relative', 'FROM BASE\nWORKDIR /made/for/it\nWORKDIR sub\nWORKDIR ../up'],
  ['WORKDIR that is there', 'FROM BASE\nWORKDIR /opt\nWORKDIR /', noLayer],
  ['WORKDIR of dots and slashes', 'FROM BASE\nWORKDIR /a//b/./c/../d/\nWORKDIR ./e'],
  ['WORKDIR kept as it is written', 'FROM BASE\nWORKDIR /a//b/./c/../d/'],
  ['WORKDIR above the root', 'FROM BASE\nWORKDIR ../../../x'],
  ['WORKDIR relative in scratch', 'FROM scratch\nWORKDIR x'],
  ['WORKDIR with a variable', 'FROM BASE\nENV D=/a/b\nWORKDIR $D/${A}'],
  ['WORKDIR with a blank', 'FROM BASE\nWORKDIR /with space/in it\nCOPY a.txt .'],
  ['WORKDIR with quotes', 'FROM BASE\nWORKDIR "/quoted x"'],
  ['WORKDIR through links', 'FROM BASE\nWORKDIR /var/abs/x\nWORKDIR /lib/y\nWORKDIR /var/out/z'],
  ['WORKDIR of a user', 'FROM BASE\nUSER app\nWORKDIR /home/app/work'],
  ['WORKDIR of a user and group', 'FROM BASE\nUSER app:staff\nWORKDIR /w1/w2'],
  ['WORKDIR of numbers', 'FROM BASE\nUSER 7\nWORKDIR /n1\nUSER 7:8\nWORKDIR /n2'],
  ['WORKDIR of a user that nobody has', 'FROM BASE\nUSER nobody\nWORKDIR /n1'],
  ['WORKDIR of a user in scratch', 'FROM scratch\nUSER app\nWORKDIR /x', { refused: /line 3.*app/ }],
  ['WORKDIR before RUN', 'FROM BUSY\nWORKDIR /w\nRUN pwd > here'],
  ['WORKDIR that is a file', 'FROM BASE\nWORKDIR /srv/old', { refused: /line 2.*srv\/old/ }],
  ['WORKDIR of nothing', 'FROM BASE\nWORKDIR', { refused: /WORKDIR/ }],
];
