import { expect } from 'chai';
import { parseDockerfile } from '../../../../../packages/core/src/dockerfile/parse.ts';
import type { BuildSecrets } from '../../../../../packages/core/src/engines/build-secrets.ts';
import { applyLayer, emptyTree } from '../../../../../packages/core/src/engines/embedded/layers/tree.ts';
import type { RunRequest } from '../../../../../packages/core/src/engines/embedded/run-request.ts';
import { prepareMounts } from '../../../../../packages/core/src/engines/embedded/sandbox/run-mounts.ts';
import { sandboxRun } from '../../../../../packages/core/src/engines/embedded/sandbox/run-program.ts';
import type { Sandbox } from '../../../../../packages/core/src/engines/embedded/sandbox/sandbox.ts';
import type { StepSite } from '../../../../../packages/core/src/engines/embedded/steps/step.ts';
import { rejection } from '../../../../support/rejection.ts';
import { file, folder, symlink } from '../../../../support/sandbox.ts';

const tree = applyLayer(emptyTree(), [
  folder('src'),
  folder('src/deep'),
  file('src/deep/f', 'x'),
  symlink('link', 'src/deep'),
]);
const context = { tree: async () => tree };
const image = { tree: async () => tree, layers: [] };

function requestWith(fields: Readonly<Record<string, string>>, source = context as typeof image): RunRequest {
  return { workingDirectory: '/work', mounts: [{ fields, source }] } as unknown as RunRequest;
}

const secrets: BuildSecrets = {
  secret: async (id) => (id === 's' ? Buffer.from('hidden') : undefined),
  agent: (id) => (id === 'default' ? '/agent' : undefined),
};
const hidden = Buffer.from('hidden').toString('base64');

type Fields = Readonly<Record<string, string>>;

const good: readonly (readonly [string, Fields, object])[] = [
  [
    'bind is the default and read-only',
    { target: '/t' },
    { kind: 'bind', target: '/t', path: '', readOnly: true },
  ],
  ['a relative target', { target: 't' }, { target: '/work/t' }],
  ['dst', { dst: '/t', rw: '' }, { target: '/t', readOnly: false }],
  ['ro=false', { destination: '/t', ro: 'false' }, { target: '/t', readOnly: false }],
  ['a source through a link', { target: '/t', source: 'link/f' }, { path: 'src/deep/f' }],
  ['a source that climbs', { target: '/t', source: '../../src' }, { path: 'src' }],
  ['tmpfs', { type: 'tmpfs', target: '/t', size: '64m' }, { kind: 'tmpfs', target: '/t', size: 64 << 20 }],
  [
    'cache',
    { type: 'cache', target: '/c', mode: '0700', uid: '3', gid: '4' },
    { kind: 'cache', target: '/c', mode: 0o700, uid: 3, gid: 4, readOnly: false },
  ],
  [
    'secret',
    { type: 'secret', id: 's' },
    { kind: 'secret', target: '/run/secrets/s', content: hidden, mode: 0o400 },
  ],
  ['secret with a target', { type: 'secret', target: '/etc/s' }, { target: '/etc/s', content: hidden }],
  [
    'a secret by its source, which comes before its id',
    { type: 'secret', id: 'other', source: 's', uid: '5', gid: '6', mode: '0444' },
    { target: '/run/secrets/s', uid: 5, gid: 6, mode: 0o444 },
  ],
  [
    'ssh',
    { type: 'ssh' },
    { kind: 'ssh', target: '/run/buildkit/ssh_agent.0', socket: '/agent', mode: 0o600, uid: 0, gid: 0 },
  ],
  [
    'ssh with a target',
    { type: 'ssh', id: 'default', target: '/a', mode: '0666', uid: '7' },
    { target: '/a', mode: 0o666, uid: 7 },
  ],
];

const bad: readonly (readonly [string, Fields, RegExp])[] = [
  ['no target', { type: 'bind' }, /needs a target/],
  ['the root', { target: '/' }, /place of the root/],
  ['the root, hidden', { target: '/a/..' }, /place of the root/],
  ['an unknown type', { type: 'volume', target: '/t' }, /type=volume/],
  ['an unknown sharing', { type: 'cache', target: '/t', sharing: 'all' }, /sharing=all/],
  ['a mode that is none', { type: 'cache', target: '/t', mode: '9' }, /mode=9/],
  ['a user that is no number', { type: 'cache', target: '/t', uid: 'me' }, /uid=me/],
  ['a size that is none', { type: 'tmpfs', target: '/t', size: 'big' }, /size=big/],
  ['a flag that is none', { target: '/t', rw: 'maybe' }, /rw=maybe/],
  ['files that are not there', { target: '/t', source: 'gone' }, /"\/gone": not found/],
  ['a secret that is required', { type: 'secret', id: 'other', required: '' }, /no secret "other"/],
  ['a secret without a name', { type: 'secret' }, /needs an id/],
  ['an agent that is required', { type: 'ssh', id: 'other', required: 'true' }, /no SSH agent "other"/],
];

describe('mounts of RUN', () => {
  for (const [name, fields, expected] of good) {
    it(name, async () => {
      const { mounts } = await prepareMounts(requestWith(fields), secrets);
      expect(mounts).to.have.length(1);
      expect(mounts[0]).to.include(expected);
    });
  }
  for (const [name, fields, expected] of bad) {
    it(`refuses ${name}`, async () => {
      expect((await rejection(prepareMounts(requestWith(fields), secrets))).message).to.match(expected);
    });
  }
  it('takes of a context only what the mount names, with its folders', async () => {
    const { mounts } = await prepareMounts(requestWith({ target: '/t', source: 'src/deep' }), undefined);
    const [mount] = mounts;
    if (mount?.kind !== 'bind' || !('entries' in mount.from)) throw new Error('no bind mount of files');
    expect(mount.from.entries.map(({ path }) => path)).to.deep.equal(['src', 'src/deep', 'src/deep/f']);
  });
  it('takes of an image its layers', async () => {
    const { mounts } = await prepareMounts(requestWith({ target: '/t' }, image), undefined);
    expect(mounts[0]).to.have.nested.property('from.layers');
  });
  it('leaves out secrets that are not there', async () => {
    const prepared = await prepareMounts(requestWith({ type: 'secret', id: 'none' }), undefined);
    expect(prepared).to.deep.include({ mounts: [], forgotten: ['none'] });
  });
  it('names a secret that was not given to whoever sees the RUN fail', async () => {
    const dockerfile = parseDockerfile('FROM scratch\nRUN --mount=type=secret,id=key cat /run/secrets/key\n');
    const [, instruction] = dockerfile.instructions;
    const sandbox = { execute: async () => ({ kind: 'exited', code: 1 }) } as unknown as Sandbox;
    const request = {
      ...requestWith({ type: 'secret', id: 'key' }),
      ...{ instruction, layers: [], user: '0', platform: { os: 'linux', architecture: 'arm64' } },
    };
    const site = { dockerfile, build: {}, log: () => {} } as unknown as StepSite;
    const run = sandboxRun(sandbox);
    const error = await rejection(run(request as unknown as RunRequest, site, () => undefined));
    expect(error).to.include({
      code: 'BUILD_FAILED',
      reason: 'exit code 1',
      hint: 'secret key was not given: --secret id=key,src=FILE',
    });
  });
  it('puts a secret into the environment', async () => {
    const { mounts, environment } = await prepareMounts(
      requestWith({ type: 'secret', id: 's', env: 'S' }),
      secrets,
    );
    expect(mounts).to.deep.equal([]);
    expect(environment).to.deep.equal({ S: 'hidden' });
  });
  it('puts a secret into a file too where both are named', async () => {
    const { mounts, environment } = await prepareMounts(
      requestWith({ type: 'secret', id: 's', env: 'S', target: '/t' }),
      secrets,
    );
    expect(mounts).to.have.length(1);
    expect(environment).to.deep.equal({ S: 'hidden' });
  });
  it('names the first agent to the command, unless the image names one', async () => {
    const { fields, source } = requestWith({ type: 'ssh' }).mounts[0] ?? { fields: {}, source: context };
    const request = {
      workingDirectory: '/',
      mounts: [
        { fields, source },
        { fields, source },
      ],
    };
    const { mounts, defaults } = await prepareMounts(request as unknown as RunRequest, secrets);
    expect(mounts.map(({ target }) => target)).to.deep.equal([
      '/run/buildkit/ssh_agent.0',
      '/run/buildkit/ssh_agent.1',
    ]);
    expect(defaults).to.deep.equal({ SSH_AUTH_SOCK: '/run/buildkit/ssh_agent.0' });
  });
});
