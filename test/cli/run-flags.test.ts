import { expect } from 'chai';
import { bytesOf, hostsOf, ulimitsOf } from '../../packages/cli/src/commands/run-flags.ts';

type Row = readonly [string, unknown];

const tables: readonly (readonly [string, (text: string) => unknown, readonly Row[], readonly string[]])[] = [
  [
    '--add-host',
    (text) => hostsOf([text])[0],
    [
      ['a:10.0.0.1', { name: 'a', address: '10.0.0.1' }],
      ['a.example=10.0.0.1', { name: 'a.example', address: '10.0.0.1' }],
      ['a:::1', { name: 'a', address: '::1' }],
      ['a=[fe80::1]', { name: 'a', address: 'fe80::1' }],
      ['a:host-gateway', { name: 'a', address: 'host-gateway' }],
    ],
    ['', 'a', ':10.0.0.1', 'a:', 'a:b', 'a:10.0.0.256', 'a b:10.0.0.1', 'a\n:10.0.0.1'],
  ],
  [
    '--shm-size',
    (text) => bytesOf('--shm-size', text),
    [
      ['1024', 1024],
      ['64b', 64],
      ['64k', 65_536],
      ['128m', 128 << 20],
      ['1.5M', 1.5 * 1024 * 1024],
      ['2gb', 2 * 1024 ** 3],
      ['2GiB', 2 * 1024 ** 3],
    ],
    ['', '0', '-1', 'm', '1x', '0.1', '1e3'],
  ],
  [
    '--ulimit',
    (text) => ulimitsOf([text])[0],
    [
      ['nofile=1024', { name: 'nofile', soft: 1024, hard: 1024 }],
      ['nofile=1024:2048', { name: 'nofile', soft: 1024, hard: 2048 }],
      ['core=0', { name: 'core', soft: 0, hard: 0 }],
      ['memlock=-1', { name: 'memlock', soft: -1, hard: -1 }],
      ['stack=8:-1', { name: 'stack', soft: 8, hard: -1 }],
    ],
    [
      '',
      'nofile',
      'nofile=',
      'nofile=2:1',
      'nofile=-1:5',
      'nofile=1:2:3',
      'files=1',
      'toString=1',
      'cpu=1.5',
    ],
  ],
];

for (const [flag, read, good, bad] of tables)
  describe(flag, () => {
    for (const [text, expected] of good)
      it(text, () => {
        expect(read(text)).to.deep.equal(expected);
      });
    for (const text of bad)
      it(`refuses ${JSON.stringify(text)}`, () => {
        expect(() => read(text))
          .to.throw(flag)
          .with.property('code', 'USAGE');
      });
  });
