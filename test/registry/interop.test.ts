import { readFileSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  copyImage,
  createLayoutSink,
  type Descriptor,
  type ImageSource,
  mediaTypes,
  openDockerArchive,
  openLayout,
  openOciArchive,
  parseImageManifest,
  parseReference,
  readDocument,
  verifyImage,
} from '@mabuild/oci';
import { createRegistryClient, type RegistryClient, staticCredentials } from '@mabuild/registry';
import { expect } from 'chai';
import { dockerTypes, expectThere, ImageMaker } from '../support/client-images.ts';
import { imageKinds } from '../support/image-kinds.ts';
import {
  certificateFolder,
  layoutRoots,
  make,
  openWorkshop,
  realImage,
  realIndex,
  type Workshop,
} from '../support/interop.ts';
import { rejection } from '../support/rejection.ts';
import { servicesDescribe } from '../support/services.ts';

const arm64 = { os: 'linux', architecture: 'arm64' };

/** What mabuild writes. `layout: false`: Docker's format, which an OCI layout does not take unchanged. */
const written: readonly {
  readonly name: string;
  readonly make: (maker: ImageMaker) => Descriptor;
  readonly layout?: false;
}[] = [
  { name: 'an index', make: (maker) => realIndex(maker) },
  { name: 'an image', make: (maker) => realImage(maker, arm64) },
  { name: 'an index of zstd layers', make: (maker) => realIndex(maker, { wrapping: 'zstd' }) },
  { name: 'an index of plain tars', make: (maker) => realIndex(maker, { wrapping: 'plain' }) },
  {
    name: 'a manifest list in Docker’s format',
    make: (maker) => realIndex(maker, { types: dockerTypes }),
    layout: false,
  },
  {
    name: 'an image in Docker’s format',
    make: (maker) => realImage(maker, arm64, { types: dockerTypes }),
    layout: false,
  },
  {
    name: 'an index with annotations',
    make: (maker) =>
      realIndex(
        maker,
        { more: { annotations: { 'org.example.a': 'Grüße' } } },
        { annotations: { 'org.example.b': 'ü' } },
      ),
  },
  {
    name: 'an index with an entry of an unknown platform',
    make: (maker) => {
      const image = { ...realImage(maker, arm64), platform: arm64 };
      const unknown = { os: 'unknown', architecture: 'unknown' };
      const annotations = {
        'vnd.docker.reference.type': 'attestation-manifest',
        'vnd.docker.reference.digest': image.digest,
      };
      return maker.index([image, { ...realImage(maker, unknown), platform: unknown, annotations }]);
    },
  },
  { name: 'an image of no layer', make: (maker) => maker.manifest([]) },
];

/** Kinds that skopeo does not copy, and what it says. */
const notRead: Readonly<Record<string, { readonly because: string; readonly says: RegExp }>> = {
  'an index in an index': { because: 'which skopeo refuses', says: /received a manifest list instead/ },
};

servicesDescribe('registry/interop', (services) => {
  const { registry, authRegistry, tlsRegistry, tokenRegistry, mutualRegistry, user, password } = services;
  let workshop: Workshop;
  let client: RegistryClient;
  let counter = 0;
  const next = (): number => {
    counter += 1;
    return counter;
  };
  const fresh = (host: string): string =>
    `${host}/interop-${process.pid}-${Date.now().toString(36)}/app-${next()}:1`;
  const pem = (name: string): string => join(services.mutualCertificates, `${name}.pem`);

  before(async () => {
    workshop = await openWorkshop();
    const known = { username: user, password };
    client = createRegistryClient({
      credentials: staticCredentials({
        [authRegistry]: known,
        [tlsRegistry]: known,
        [tokenRegistry]: known,
      }),
      tls: {
        [tlsRegistry]: { ca: readFileSync(services.tlsCertificate, 'utf8') },
        [mutualRegistry]: {
          ca: readFileSync(pem('ca'), 'utf8'),
          cert: readFileSync(pem('client'), 'utf8'),
          key: readFileSync(pem('client-key'), 'utf8'),
        },
      },
    });
  });
  after(async () => {
    await client.close();
    await workshop.close();
  });

  describe('what mabuild wrote', () => {
    const login = ['--dest-creds', `${user}:${password}`, '--dest-tls-verify=false'];
    const copy = (...args: string[]): Promise<string> =>
      workshop.skopeo('copy', '--quiet', '--all', '--preserve-digests', '--src-tls-verify=false', ...args);

    for (const { name, make: build, layout } of written) {
      it(`skopeo reads and copies: ${name}`, async () => {
        const image = make(build);
        const [from, to] = [fresh(registry), fresh(authRegistry)];
        await copyImage(image.source, client.sink(parseReference(from)), { tags: ['1'] });
        expect(await workshop.digestAt(from)).to.equal(image.root.digest);

        await copy(...login, `docker://${from}`, `docker://${to}`);
        expect(await workshop.digestAt(to, '--creds', `${user}:${password}`)).to.equal(image.root.digest);
        await expectThere(client, parseReference(to), image);

        const folder = workshop.path(`copy-${counter}`);
        if (layout === false) {
          await copy(`docker://${from}`, `dir:${folder}`);
          return;
        }
        await copy(`docker://${from}`, `oci:${folder}:1`);
        expect(await layoutRoots(folder)).to.deep.equal([image.root.digest]);
      });
    }

    for (const [name, build] of imageKinds) {
      const other = notRead[name];
      it(`skopeo reads and copies: ${name}${other === undefined ? '' : ` (${other.because})`}`, async () => {
        const maker = new ImageMaker();
        const image = maker.image(build(maker));
        const [from, to] = [fresh(registry), fresh(authRegistry)];
        await copyImage(image.source, client.sink(parseReference(from)), { tags: ['1'] });
        expect(await workshop.digestAt(from)).to.equal(image.root.digest);
        const copied = copy(...login, `docker://${from}`, `docker://${to}`);
        if (other !== undefined) {
          expect(String(await rejection(copied))).to.match(other.says);
          return;
        }
        await copied;
        expect(await workshop.digestAt(to, '--creds', `${user}:${password}`)).to.equal(image.root.digest);
        await expectThere(client, parseReference(to), image);
      });
    }

    const places: readonly (readonly [string, string, () => Promise<readonly string[]>])[] = [
      ['with a password', authRegistry, async () => ['--creds', `${user}:${password}`]],
      ['with tokens', tokenRegistry, async () => ['--creds', `${user}:${password}`]],
      [
        'with TLS and a password',
        tlsRegistry,
        async () => [
          ...['--tls-verify=true', '--creds', `${user}:${password}`, '--cert-dir'],
          await certificateFolder(workshop, 'tls', { 'ca.crt': services.tlsCertificate }),
        ],
      ],
      [
        'with client certificates',
        mutualRegistry,
        async () => [
          ...['--tls-verify=true', '--cert-dir'],
          await certificateFolder(workshop, 'mutual', {
            'ca.crt': pem('ca'),
            'client.cert': pem('client'),
            'client.key': pem('client-key'),
          }),
        ],
      ],
    ];
    for (const [name, host, flags] of places) {
      it(`skopeo reads from a registry ${name}`, async () => {
        const image = make((maker) => realIndex(maker));
        const at = fresh(host);
        await copyImage(image.source, client.sink(parseReference(at)), { tags: ['1'] });
        const access = await flags();
        expect(await workshop.digestAt(at, ...access)).to.equal(image.root.digest);
        const folder = workshop.path(`from-${counter}`);
        const from = access.map((flag) => flag.replace(/^--/, '--src-'));
        await copy(...from, `docker://${at}`, `oci:${folder}:1`);
        expect(await layoutRoots(folder)).to.deep.equal([image.root.digest]);
      });
    }

    it('docker pulls', async () => {
      const image = make((maker) => realIndex(maker));
      const at = fresh(registry);
      await copyImage(image.source, client.sink(parseReference(at)), { tags: ['1'] });
      const { run } = await import('../../scripts/lib/run.mjs');
      const docker = (...args: string[]): Promise<string> =>
        run('docker', ['--host', services.dockerHost, ...args], {
          env: { DOCKER_CONFIG: workshop.directory },
        });
      for (const platform of ['linux/amd64', 'linux/arm/v7']) {
        await docker('pull', '--quiet', '--platform', platform, at);
      }
      await docker('rmi', at);
    });
  });

  /** Reads everything of an image: every child, every blob, every file. */
  async function expectReadable(source: ImageSource): Promise<void> {
    const report = await verifyImage(source);
    expect(report.images.length).to.be.greaterThan(0);
    expect(report.images.flatMap(({ problems }) => problems)).to.deep.equal([]);
    expect(report.ok).to.equal(true);
    const copied = workshop.path(`read-${next()}`);
    await copyImage(source, await createLayoutSink(copied), { tags: ['1'] });
    expect(await layoutRoots(copied)).to.deep.equal([source.root.digest]);
    const again = fresh(registry);
    await copyImage(source, client.sink(parseReference(again)), { tags: ['1'] });
    expect(await workshop.digestAt(again)).to.equal(source.root.digest);
  }

  /** The media types of the layers of an image, or of the first of an index. */
  async function layerTypes(source: ImageSource): Promise<readonly string[]> {
    const document = await readDocument(source, source.root);
    const [child] = JSON.parse(document.toString()).manifests ?? [];
    const manifest = parseImageManifest(child ? await readDocument(source, child) : document);
    return manifest.layers.map(({ mediaType }) => mediaType);
  }

  const zstd = mediaTypes.ociLayerZstd;

  describe('what skopeo wrote', () => {
    const ways: readonly {
      readonly name: string;
      readonly flags: readonly string[];
      readonly index?: true;
      readonly root: string;
      readonly layer?: string;
    }[] = [
      { name: 'as it was', flags: [], root: mediaTypes.ociManifest },
      { name: 'in Docker’s format', flags: ['--format', 'v2s2'], root: mediaTypes.dockerManifest },
      { name: 'an index', flags: ['--all'], index: true, root: mediaTypes.ociIndex },
      {
        name: 'an index in Docker’s format',
        flags: ['--all', '--format', 'v2s2'],
        index: true,
        root: mediaTypes.dockerManifestList,
      },
      {
        name: 'with zstd',
        flags: ['--dest-compress-format', 'zstd'],
        root: mediaTypes.ociManifest,
        layer: zstd,
      },
      {
        name: 'an index with zstd',
        flags: ['--all', '--dest-compress-format', 'zstd'],
        index: true,
        root: mediaTypes.ociIndex,
        layer: zstd,
      },
    ];
    for (const { name, flags, index, root, layer } of ways) {
      it(`mabuild reads: ${name}`, async () => {
        // Plain tars, so that there is something to compress.
        const image = make((maker) =>
          index ? realIndex(maker, { wrapping: 'plain' }) : realImage(maker, arm64, { wrapping: 'plain' }),
        );
        const from = workshop.path(`layout-${next()}`);
        await copyImage(image.source, await createLayoutSink(from), { tags: ['1'] });
        const at = fresh(registry);
        const digestFile = workshop.path('digest');
        await workshop.skopeo(
          ...['copy', '--quiet', '--dest-tls-verify=false', '--digestfile', digestFile, ...flags],
          ...[`oci:${from}:1`, `docker://${at}`],
        );
        const source = await client.resolve(parseReference(at));
        expect(source.root.digest).to.equal((await readFile(digestFile, 'utf8')).trim());
        expect(source.root.mediaType).to.equal(root);
        if (layer !== undefined) expect(new Set(await layerTypes(source))).to.deep.equal(new Set([layer]));
        await expectReadable(source);
      });
    }

    it('mabuild reads: docker-archive, oci-archive and oci', async () => {
      const image = make((maker) => realImage(maker, arm64));
      const at = fresh(registry);
      await copyImage(image.source, client.sink(parseReference(at)), { tags: ['1'] });
      const from = ['copy', '--quiet', '--src-tls-verify=false', `docker://${at}`];
      await workshop.skopeo(...from, `docker-archive:${workshop.path('d.tar')}:example/app:1`);
      await workshop.skopeo(...from, `oci-archive:${workshop.path('o.tar')}:1`);
      await workshop.skopeo(...from, `oci:${workshop.path('o')}:1`);
      await mkdir(workshop.path('blobs'));
      await expectReadable(
        await openDockerArchive(workshop.path('d.tar'), { directory: workshop.path('blobs') }),
      );
      await expectReadable(await openOciArchive(workshop.path('o.tar')));
      const layout = await openLayout(workshop.path('o'));
      expect(layout.root.digest).to.equal(image.root.digest);
      await expectReadable(layout);
    });
  });

  describe('what buildah wrote', () => {
    /** An image made by buildah in its own storage. */
    async function build(name: string, ...config: readonly string[]): Promise<void> {
      const container = (await workshop.buildah('from', 'scratch')).trim();
      const file = workshop.path('hello.txt');
      await writeFile(file, `${name}\n`.repeat(100));
      await workshop.buildah('copy', container, file, '/usr/share/hello.txt');
      await workshop.buildah('config', '--os', 'linux', ...config, container);
      await workshop.buildah('commit', '--quiet', '--rm', container, name);
    }
    const push = async (...args: readonly string[]): Promise<ImageSource> => {
      const at = fresh(registry);
      await workshop.buildah(...args, `docker://${at}`);
      return client.resolve(parseReference(at));
    };
    const pushed: readonly (readonly [string, readonly string[], string, string?])[] = [
      ['an image', ['--format', 'oci'], mediaTypes.ociManifest],
      ['an image in Docker’s format', ['--format', 'docker'], mediaTypes.dockerManifest],
      ['zstd layers', ['--format', 'oci', '--compression-format', 'zstd'], mediaTypes.ociManifest, zstd],
    ];
    for (const [name, flags, root, layer] of pushed) {
      it(`mabuild reads: ${name}`, async () => {
        const image = `image-${next()}`;
        await build(image, '--arch', 'arm64');
        const source = await push('push', '--quiet', '--tls-verify=false', ...flags, image);
        expect(source.root.mediaType).to.equal(root);
        if (layer !== undefined) expect(await layerTypes(source)).to.deep.equal([layer]);
        await expectReadable(source);
      });
    }

    for (const [format, root] of [
      ['oci', mediaTypes.ociIndex],
      ['v2s2', mediaTypes.dockerManifestList],
    ] as const) {
      it(`mabuild reads: a manifest list pushed as ${format}`, async () => {
        const list = `list-${next()}`;
        await workshop.buildah('manifest', 'create', list);
        for (const [at, config] of [
          ['--arch', 'amd64'],
          ['--arch', 'arm64'],
          ['--arch', 'arm', '--variant', 'v7'],
        ].entries()) {
          await build(`${list}-${at}`, ...config);
          await workshop.buildah('manifest', 'add', list, `${list}-${at}`);
        }
        const source = await push(
          ...['manifest', 'push', '--quiet', '--all', '--tls-verify=false', '--format', format, list],
        );
        expect(source.root.mediaType).to.equal(root);
        const report = await verifyImage(source);
        expect(report.images.map(({ platform }) => platform)).to.have.length(3);
        await expectReadable(source);
      });
    }
  });
});
