import type { Builder, EngineInfo } from '@mabuild/core';
import { isMabuildError, parsePlatform } from '@mabuild/oci';
import { expect } from 'chai';
import { cachesOf } from '../../../packages/cli/src/sdk/build/build-caches.ts';
import { engineCaches } from '../../../packages/cli/src/sdk/build/engine-caches.ts';

describe('caches of a Docker Engine', () => {
  const info = (kind: EngineInfo['kind'], builders: readonly Builder[]): EngineInfo => ({
    ...{ kind, builders, endpoint: 'unix:///engine.sock', foundBy: 'test', version: '28.5.2' },
    ...{ apiVersion: '1.51', platform: parsePlatform('linux/amd64'), local: true, imageStore: 'containerd' },
    ...{ mirrors: [], hasBridge: true, capabilities: { heredoc: true, link: true, runNetwork: true } },
  });
  const docker = info('docker', ['buildkit', 'classic']);
  const podman = info('podman', ['classic']);
  const embedded = info('embedded', ['embedded']);
  const inline = { BUILDKIT_INLINE_CACHE: '1' };
  const both = ['h.example/a:1', 'h.example/b'];

  type Flags = readonly [from: readonly string[], to: readonly string[]];
  const taken: readonly (readonly [Flags, EngineInfo, object])[] = [
    [[[], []], docker, { buildArgs: {} }],
    [[[], []], podman, { buildArgs: {} }],
    [[['h.example/a:1', 'type=registry,ref=h.example/b'], []], docker, { cacheFrom: both, buildArgs: {} }],
    [[[], ['type=inline']], docker, { buildArgs: inline }],
    [[['h.example/a:1'], ['type=inline']], docker, { cacheFrom: ['h.example/a:1'], buildArgs: inline }],
    [[['oci:x'], ['oci:x']], embedded, { buildArgs: {} }],
  ];
  for (const [[cacheFrom, cacheTo], engine, expected] of taken) {
    it(`are taken by ${engine.kind}: from ${cacheFrom.join(' ')} to ${cacheTo.join(' ')}`, () => {
      expect(engineCaches(cachesOf({ cacheFrom, cacheTo }), 'auto', engine)).to.deep.equal(expected);
    });
  }

  const refused: readonly (readonly [Flags, EngineInfo, 'auto' | Builder, RegExp, RegExp])[] = [
    [
      [[], ['h.example/a:c']],
      docker,
      'auto',
      /cannot write a cache to h\.example\/a:c/,
      /type=inline.*--engine embedded/,
    ],
    [[[], ['oci:x']], docker, 'auto', /cannot write a cache to oci:x:latest/, /type=inline/],
    [
      [['oci:x'], []],
      docker,
      'auto',
      /cannot read a cache from oci:x:latest/,
      /in a registry, or add --engine embedded/,
    ],
    [[['h.example/a'], []], docker, 'classic', /the classic builder of docker 28\.5\.2/, /--engine buildkit/],
    [[['h.example/a'], []], podman, 'auto', /the classic builder of podman/, /add --engine embedded/],
    [[[], ['type=inline']], podman, 'auto', /gives none/, /add --engine embedded/],
    [
      [[], ['type=inline']],
      embedded,
      'embedded',
      /no cache inside of an image/,
      /a name of its own.*mode=max/,
    ],
  ];
  for (const [[cacheFrom, cacheTo], engine, wanted, message, hint] of refused) {
    it(`are refused by ${engine.kind}, ${wanted}: from ${cacheFrom.join(' ')} to ${cacheTo.join(' ')}`, () => {
      let error: unknown;
      try {
        engineCaches(cachesOf({ cacheFrom, cacheTo }), wanted, engine);
      } catch (thrown) {
        error = thrown;
      }
      if (!isMabuildError(error)) throw new Error('nothing is refused');
      expect(error.code).to.equal('ENGINE_CANNOT');
      expect(error.message).to.match(message);
      expect(error.hint).to.match(hint);
    });
  }
});
