import { formatPlatform } from '@mabuild/oci';
import { expect } from 'chai';
import {
  builderCapabilities,
  hostPlatform,
  readEngineInfo,
} from '../../../../packages/core/src/engines/docker/info.ts';
import { fakeEngine } from '../../../support/fake-engine.ts';

describe('what an engine is', () => {
  const capabilities: readonly [string, boolean][] = [
    ['20.10.24+dfsg1', false],
    ['20.10.5', false],
    ['23.0.1', true],
    ['28.5.2', true],
    ['29.0.0-rc.1', true],
    ['dev', true],
    ['', true],
  ];
  for (const [version, modern] of capabilities)
    it(`${version || 'no version'}: ${modern ? 'modern' : 'old'} frontend`, () =>
      expect(builderCapabilities(version)).to.deep.equal({
        heredoc: modern,
        link: modern,
        runNetwork: modern,
      }));

  const hosts: readonly [string, string, string][] = [
    ['amd64', 'x86_64', 'linux/amd64'],
    ['arm64', 'aarch64', 'linux/arm64'],
    ['arm', 'armv7l', 'linux/arm/v7'],
    ['arm', 'armv6l', 'linux/arm/v6'],
    ['arm', 'armv5tel', 'linux/arm/v5'],
    // A 32-bit engine on a 64-bit kernel.
    ['arm', 'aarch64', 'linux/arm/v7'],
    ['arm', 'armv8l', 'linux/arm/v7'],
  ];
  for (const [Arch, Architecture, expected] of hosts)
    it(`${Arch} on ${Architecture} is ${expected}`, () =>
      expect(formatPlatform(hostPlatform({ Os: 'linux', Arch }, { Architecture }))).to.equal(expected));

  const answers = (info: object, bridge: number) => ({
    'GET /version': (_call: unknown, response: import('node:http').ServerResponse) =>
      response.end(JSON.stringify({ Version: '28.5.2', Os: 'linux', Arch: 'arm64' })),
    'GET /info': (_call: unknown, response: import('node:http').ServerResponse) =>
      response.end(JSON.stringify(info)),
    'GET /networks/bridge': (_call: unknown, response: import('node:http').ServerResponse) =>
      response.writeHead(bridge).end('{}'),
  });
  const rows: readonly [string, object, number, object][] = [
    [
      'the containerd store, mirrors, a bridge',
      {
        DriverStatus: [['driver-type', 'io.containerd.snapshotter.v1']],
        RegistryConfig: { Mirrors: ['https://mirror.example/', 'http://127.0.0.1:5000'] },
      },
      200,
      {
        imageStore: 'containerd',
        hasBridge: true,
        mirrors: ['https://mirror.example', 'http://127.0.0.1:5000'],
      },
    ],
    [
      'a graph driver, no bridge',
      { DriverStatus: [['Backing Filesystem', 'extfs']] },
      404,
      { imageStore: 'graphdriver', hasBridge: false, mirrors: [] },
    ],
    [
      'nulls where Go has no list',
      { DriverStatus: null, RegistryConfig: { Mirrors: null } },
      200,
      { imageStore: 'graphdriver', mirrors: [] },
    ],
    ['nothing at all', {}, 200, { imageStore: 'graphdriver', mirrors: [] }],
  ];
  for (const [name, info, bridge, expected] of rows)
    it(name, async () => {
      const engine = await fakeEngine(answers(info, bridge));
      try {
        const { info: found } = await readEngineInfo(engine.client, 'a test');
        expect(found).to.deep.include({
          ...expected,
          kind: 'docker',
          foundBy: 'a test',
          builders: ['buildkit', 'classic'],
        });
      } finally {
        await engine.close();
      }
    });
});
