import type { Row } from './row.ts';
import { noLayer } from './workdir.ts';

export const runLayerRows: readonly Row[] = [
  ['a file deleted', 'FROM BUSY\nRUN rm /data/a'],
  ['a folder deleted', 'FROM BUSY\nRUN rm -r /data'],
  ['a folder deleted and made again', 'FROM BUSY\nRUN rm -r /data && mkdir /data && echo n > /data/n'],
  ['a folder emptied', 'FROM BUSY\nRUN rm -r /data/*'],
  ['a file where a folder was', 'FROM BUSY\nRUN rm -r /data && echo f > /data'],
  ['a folder where a file was', 'FROM BUSY\nRUN rm /data/a && mkdir /data/a && echo f > /data/a/f'],
  ['a link where a folder was', 'FROM BUSY\nRUN mv /data/sub /moved && ln -s /moved /data/sub'],
  ['a file deleted that a layer before made', 'FROM BUSY\nRUN echo x > /x\nRUN rm /x'],
  ['a file deleted and made again later', 'FROM BUSY\nRUN rm /data/a\nRUN echo again > /data/a'],
  ['a folder deleted, and COPY to it', 'FROM BUSY\nRUN rm -r /data\nCOPY a.txt /data/'],
  ['a folder moved', 'FROM BUSY\nRUN mv /data /moved'],
  ['a mode changed', 'FROM BUSY\nRUN chmod 600 /data/a && chmod 711 /data/sub'],
  ['an owner changed', 'FROM BUSY\nRUN chown -R 5:6 /data'],
  ['a time changed', 'FROM BUSY\nRUN touch -d @1500000000 /data/a && touch -h -d @1400000000 /data/link'],
  [
    'modes of every kind',
    'FROM BUSY\nRUN cd /tmp && for m in 0 4755 2755 1777 6711 400; do echo $m > $m; chmod $m $m; done',
  ],
  ['hard links made', 'FROM BUSY\nRUN echo x > /x && ln /x /y && ln /x /tmp/z'],
  [
    'a hard link to a file of a layer below',
    'FROM BUSY\nRUN ln /data/a /other',
    { differs: { why: 'the two stay one file', files: ['data/a', 'other'] } },
  ],
  ['a hard link broken', 'FROM BUSY\nRUN echo x > /x && ln /x /y\nRUN rm /x'],
  ['hard links written through', 'FROM BUSY\nRUN echo x > /x && ln /x /y\nRUN echo more >> /y'],
  [
    'symlinks of every kind',
    'FROM BUSY\nRUN ln -s /data/a /abs && ln -s nowhere /broken && ln -s . /self && chown -h 5:6 /abs',
  ],
  ['capabilities', 'FROM BUSY\nRUN echo x > /target && set-capability'],
  [
    'attributes of users',
    'FROM BUSY\nRUN echo x > /target && set-note',
    { expected: { target: 'file 644 0:0 "x\\n" user.note=bm90ZWQ=' } },
  ],
  [
    'capabilities of a file below',
    'FROM BUSY\nRUN echo x > /target && set-capability\nRUN chmod 700 /target',
  ],
  [
    'capabilities go with COPY',
    'FROM BUSY AS one\nRUN echo x > /target && set-capability\nFROM scratch\nCOPY --from=one /target /t',
  ],
  ['devices', 'FROM BUSY\nRUN mknod /c c 5 1 && mknod /b b 259 300 && mkfifo /p && chmod 640 /c'],
  [
    'a device that goes with COPY',
    'FROM BUSY AS one\nRUN mkdir /d && mknod /d/c c 5 1 && mkfifo /d/p\nFROM scratch\nCOPY --from=one /d /d',
  ],
  ['a sparse file', 'FROM BUSY\nRUN truncate -s 3M /sparse && echo end >> /sparse'],
  ['a file of nothing but a hole', 'FROM BUSY\nRUN truncate -s 1M /hole'],
  [
    'names of every kind',
    'FROM BUSY\nRUN cd /tmp && touch -- "a b" "q\\"" "$(printf "new\\nline")" grün "-dash" ".hidden"',
  ],
  [
    'a long name and a long path',
    `FROM BUSY\nRUN mkdir -p /tmp/${'long/'.repeat(40)} && touch /tmp/${'n'.repeat(200)}`,
  ],
  ['a long link', `FROM BUSY\nRUN ln -s /${'long/'.repeat(40)} /l`],
  ['large numbers of owners', 'FROM BUSY\nRUN echo x > /x && chown 60000:65000 /x'],
  ['many files', 'FROM BUSY\nRUN mkdir /m && cd /m && for i in $(seq 300); do echo $i > f$i; done'],
  ['a file that a user made', 'FROM BUSY\nUSER app\nRUN echo x > /tmp/x && mkdir /tmp/d'],
  ['what /dev and /proc get is gone', 'FROM BUSY\nRUN echo x > /dev/shm/x && ls /dev/shm > /x'],
  [
    'RUN in an image without /dev, /proc and /sys',
    'FROM scratch\nCOPY --from=BUSY /bin /bin\nRUN ["/bin/touch", "/x"]',
    { differs: { why: 'what the kernel fills is no part of the image', files: ['dev', 'proc', 'sys'] } },
  ],
  ['folders that mounts need are gone', 'FROM BUSY\nRUN --mount=type=tmpfs,target=/new/deep true', noLayer],
];
