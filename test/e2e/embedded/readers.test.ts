import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { run } from '../../../scripts/lib/run.mjs';
import { mabuildOk } from '../../support/cli.ts';
import { type DockerJudge, dockerJudge } from '../../support/docker.ts';
import { podmanJudge } from '../../support/podman.ts';
import { findNewerEngines, servicesDescribe } from '../../support/services.ts';
import { makeWorkspace, type Workspace } from '../../support/workspace.ts';

const platforms = [
  { platform: 'linux/amd64', architecture: 'amd64', machine: 'x86_64' },
  { platform: 'linux/arm/v7', architecture: 'arm', variant: 'v7', machine: 'armv7l' },
] as const;

const dockerfile = `FROM busybox
RUN mkdir -p /data/gone /data/renewed && echo made >/data/f && ln /data/f /data/hard && ln -s f /data/soft && \\
    echo old >/data/renewed/old && chmod 4755 /data/f && truncate -s 1M /data/sparse && touch /data/gone/x
RUN uname -m >/machine && rm -r /data/gone /data/renewed && mkdir /data/renewed && echo new >/data/renewed/new && \\
    chown 33:44 /data/sparse && adduser -D app 2>/dev/null || echo 'app:x:1000:1000::/:/bin/sh' >>/etc/passwd
COPY --chown=app a.txt /srv/
USER app
WORKDIR /data
CMD ["sh", "-c", "cat /machine soft /srv/a.txt; ls -R . | sort; stat -c '%a %u:%g %h %s %n' f hard sparse /srv/a.txt; id -un; pwd"]
`;

servicesDescribe('embedded: its images run elsewhere', function (services) {
  this.timeout(180_000);
  let workspace: Workspace;
  let layout = '';
  const reference = `${services.registry}/embedded/readers:1`;
  /** What every container says, the machine aside. */
  const said = [
    ...['made', 'a', './renewed:', '.:', 'f', 'hard', 'new', 'renewed', 'soft', 'sparse'],
    ...['4755 0:0 2 5 f', '4755 0:0 2 5 hard', '644 33:44 1 1048576 sparse', '644 1000:1000 1 2 /srv/a.txt'],
    ...['app', '/data'],
  ];

  const build = (platform: string, ...output: readonly string[]) =>
    mabuildOk(
      [
        ...[
          'build',
          '--engine',
          'embedded',
          '--mirror',
          `docker.io=${services.mirror}`,
          '--platform',
          platform,
        ],
        ...['-q', '-t', reference, ...output, join(workspace.dir, 'context')],
      ],
      { workspace, env: { SOURCE_DATE_EPOCH: '1700000000' } },
    );
  const archiveOf = (architecture: string): string => join(workspace.dir, `${architecture}.tar`);
  const expectSaid = (output: string, machine: string): void => {
    const lines = output
      .trimEnd()
      .split('\n')
      .filter((line) => line !== '');
    expect(lines).to.deep.equal([machine, ...said]);
  };

  before(async () => {
    workspace = await makeWorkspace();
    await workspace.context({ Dockerfile: dockerfile, 'a.txt': 'a\n' });
    layout = join(workspace.dir, 'layout');
    const all = platforms.map(({ platform }) => platform).join();
    await build(all, '-o', `oci:${layout}`);
    await build(all, '--push');
    for (const { platform, architecture } of platforms)
      await build(platform, '-o', `docker-archive:${archiveOf(architecture)}`);
  });
  after(() => workspace.remove());

  const engines: readonly (readonly [string, DockerJudge])[] = [
    ['dockerd', dockerJudge(services.dockerHost)],
    ...findNewerEngines().map(
      ({ store, host }) => [`a newer dockerd with ${store}`, dockerJudge(host)] as const,
    ),
  ];
  for (const [name, judge] of engines) {
    for (const { platform, architecture, machine } of platforms) {
      it(`loaded by ${name}, for ${platform}`, async () => {
        await judge.load(archiveOf(architecture));
        try {
          expectSaid(await judge.run(reference, platform), machine);
        } finally {
          await judge.removeImage(reference);
        }
      });
      it(`pulled by ${name}, for ${platform}`, async () => {
        await judge.pull(reference, platform);
        try {
          expectSaid(await judge.run(reference, platform), machine);
        } finally {
          await judge.removeImage(reference);
        }
      });
    }
  }

  describe('with podman', () => {
    const judge = () => podmanJudge(join(workspace.dir, 'podman'));
    before(() => mkdir(join(workspace.dir, 'podman')));
    for (const { platform, machine, ...wanted } of platforms) {
      it(`loaded, for ${platform}`, async () => {
        const id = await judge().load(`docker-archive:${archiveOf(wanted.architecture)}`);
        expect(id).to.equal(await configDigest(layout, wanted));
        expectSaid(await judge().run(id), machine);
      });
      it(`pulled, for ${platform}`, async () => {
        const id = await judge().pull(reference, wanted);
        expect(id).to.equal(await configDigest(layout, wanted));
        expectSaid(await judge().run(id), machine);
      });
    }
  });

  describe('with skopeo', () => {
    const skopeo = (...args: readonly string[]) => run('skopeo', [...args]);
    const copied = `${services.registry}/embedded/readers:copied`;

    it('keeps the digest of the index from a layout to a folder, to a registry and back', async () => {
      const copy = (...args: readonly string[]) =>
        skopeo('copy', '--quiet', '--all', '--preserve-digests', ...args);
      const folder = join(workspace.dir, 'dir');
      const again = join(workspace.dir, 'again');
      await copy(`oci:${layout}`, `dir:${folder}`);
      await copy('--dest-tls-verify=false', `dir:${folder}`, `docker://${copied}`);
      await copy('--src-tls-verify=false', `docker://${copied}`, `oci:${again}:1`);
      const { manifests } = JSON.parse(await readFile(join(layout, 'index.json'), 'utf8'));
      const digest = manifests[0].digest as string;
      expect(digestOf(await readFile(join(folder, 'manifest.json')))).to.equal(digest);
      expect(
        await skopeo('inspect', '--raw', '--tls-verify=false', `docker://${copied}`).then(digestOf),
      ).to.equal(digest);
      expect(
        await skopeo('inspect', '--raw', '--tls-verify=false', `docker://${reference}`).then(digestOf),
      ).to.equal(digest);
      expect(JSON.parse(await readFile(join(again, 'index.json'), 'utf8')).manifests[0].digest).to.equal(
        digest,
      );
    });

    for (const { platform, ...wanted } of platforms) {
      // Such an archive holds layers without compression, so that a manifest has another digest there.
      it(`keeps the image id by way of a docker-archive, for ${platform}`, async () => {
        const id = await configDigest(layout, wanted);
        const archive = join(workspace.dir, `skopeo-${wanted.architecture}.tar`);
        const folder = join(workspace.dir, `skopeo-${wanted.architecture}`);
        const chosen = ['--override-arch', wanted.architecture];
        if ('variant' in wanted) chosen.push('--override-variant', wanted.variant);
        const to = `${services.registry}/embedded/readers:by-archive-${wanted.architecture}`;
        await skopeo(...chosen, 'copy', '--quiet', `oci:${layout}`, `docker-archive:${archive}:app:1`);
        await skopeo('copy', '--quiet', `docker-archive:${archive}`, `dir:${folder}`);
        await skopeo('copy', '--quiet', '--dest-tls-verify=false', `dir:${folder}`, `docker://${to}`);
        for (const place of [
          `docker-archive:${archive}`,
          `dir:${folder}`,
          `docker-archive:${archiveOf(wanted.architecture)}`,
        ])
          expect(digestOf(await skopeo('inspect', '--config', '--raw', place))).to.equal(`sha256:${id}`);
        const pushed = await skopeo('inspect', '--config', '--raw', '--tls-verify=false', `docker://${to}`);
        expect(digestOf(pushed)).to.equal(`sha256:${id}`);
      });
    }
  });
});

function digestOf(bytes: string | Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** The hexadecimal digest of an image's config: what docker and podman call its id. */
async function configDigest(
  layout: string,
  { architecture }: { readonly architecture: string },
): Promise<string> {
  const read = async (digest: string) =>
    JSON.parse(await readFile(join(layout, 'blobs', digest.replace(':', '/')), 'utf8'));
  const { manifests } = JSON.parse(await readFile(join(layout, 'index.json'), 'utf8'));
  const index = await read(manifests[0].digest);
  const entry = index.manifests.find(
    (item: { platform: { architecture: string } }) => item.platform.architecture === architecture,
  );
  return (await read(entry.digest)).config.digest.replace('sha256:', '');
}
