import { applyEdits, offlineImages, readCompose } from '@mabuild/core';
import { parsePlatformList } from '@mabuild/oci';
import { expect } from 'chai';
import { rejection } from '../../support/rejection.ts';

const platforms = parsePlatformList('linux/arm64,linux/arm/v7');
const read = (text: string, variables: Readonly<Record<string, string>> = {}) =>
  readCompose(text, { file: 'compose.yaml', platforms, images: offlineImages, variables });

/** Findings as `rule fix "what stands there"`. */
const rows: readonly { title: string; text: string; found: readonly string[]; fixed?: string }[] = [
  { title: 'nothing to say', text: 'services:\n  a:\n    image: redis:7\n', found: [] },
  { title: 'no services', text: 'version: "3"\n', found: [] },
  { title: 'an empty file', text: '', found: [] },
  { title: 'a list in place of services', text: 'services: [a, b]\n', found: [] },
  {
    title: 'a platform of an image that has others',
    text: 'services:\n  a:\n    platform: linux/amd64 # slow\n    image: redis:7\n',
    found: ['compose-platform-x86 auto linux/amd64'],
    fixed: 'services:\n  a:\n    image: redis:7\n',
  },
  {
    title: 'a platform of a build, with Windows line ends',
    text: 'services:\r\n  a:\r\n    build: .\r\n    platform: "linux/x86_64"\r\n',
    found: ['compose-platform-x86 auto "linux/x86_64"'],
    fixed: 'services:\r\n  a:\r\n    build: .\r\n',
  },
  {
    title: 'a platform of an image that nobody knows',
    text: 'services:\n  a:\n    image: example.org/a:1\n    platform: linux/amd64\n',
    found: ['compose-platform-x86 suggest linux/amd64'],
  },
  {
    title: 'a platform that the image needs',
    text: 'services:\n  a:\n    image: mysql:5.7\n    platform: linux/amd64\n',
    found: ['compose-image-lacks-platform none mysql:5.7', 'compose-platform-x86 none linux/amd64'],
  },
  {
    title: 'a platform in a flow map',
    text: 'services:\n  a: {platform: linux/amd64, image: redis:7}\n',
    found: ['compose-platform-x86 none linux/amd64'],
  },
  {
    title: 'a platform that several services take over: once, and left in the map that has nothing else',
    text: 'x-x86: &x86\n  platform: linux/amd64\nservices:\n  a:\n    <<: *x86\n    image: redis:7\n  b:\n    <<: *x86\n    image: redis:8\n',
    found: ['compose-platform-x86 none linux/amd64'],
  },
  {
    title: 'an ARM platform',
    text: 'services:\n  a:\n    image: redis:7\n    platform: linux/arm64\n',
    found: [],
  },
  { title: 'no platform', text: 'services:\n  a:\n    image: redis:7\n    platform: toaster\n', found: [] },
  {
    title: 'an image of x86 alone, in quotes',
    text: 'services:\n  a:\n    image: "amd64/redis:7"\n',
    found: ['x86-namespace auto "amd64/redis:7"'],
    fixed: 'services:\n  a:\n    image: "redis:7"\n',
  },
  {
    title: 'an image whose tag comes from a variable',
    text: `services:\n  a:\n    image: node:\${NODE:-24}\n`,
    found: [`compose-image-lacks-platform none node:\${NODE:-24}`],
  },
  {
    title: 'an image of a variable without a value',
    text: `services:\n  a:\n    image: node:\${NODE}\n`,
    found: [],
  },
  {
    title: 'an image that is only the name of what is built',
    text: 'services:\n  a:\n    build: .\n    image: node:24\n',
    found: [],
  },
  {
    title: 'a pragma above',
    text: 'services:\n  a:\n    image: redis:7\n    # mabuild ignore=compose-platform-x86 because\n    platform: linux/amd64\n',
    found: [],
  },
  // What a service extends.
  {
    title: 'an image that a service which is built is called',
    text: 'services:\n  a:\n    build: .\n  b:\n    extends: {service: a}\n    image: mysql:5.7\n',
    found: [],
  },
  {
    title: 'a platform of a service that others extend',
    text: 'services:\n  a:\n    build: .\n    platform: linux/amd64\n  b:\n    extends: a\n    image: x\n',
    found: ['compose-platform-x86 auto linux/amd64'],
    fixed: 'services:\n  a:\n    build: .\n  b:\n    extends: a\n    image: x\n',
  },
  {
    title: 'an image that is known where it is said',
    text: 'services:\n  a:\n    image: redis:7\n  b:\n    extends: {service: a}\n    platform: linux/amd64\n',
    found: ['compose-platform-x86 auto linux/amd64'],
    fixed: 'services:\n  a:\n    image: redis:7\n  b:\n    extends: {service: a}\n',
  },
  {
    title: 'services that extend each other',
    text: 'services:\n  a: {extends: b, image: "mysql:5.7"}\n  b: {extends: {service: a}}\n',
    found: ['compose-image-lacks-platform none "mysql:5.7"'],
  },
  {
    title: 'platforms of a build',
    text: 'services:\n  a:\n    build:\n      context: .\n      platforms: ["linux/amd64", linux/arm64]\n',
    found: ['compose-build-lacks-platform none "linux/amd64"'],
  },
];

describe('findings of compose files', () => {
  for (const { title, text, found, fixed } of rows) {
    it(title, async () => {
      const { findings } = await read(text);
      expect(
        findings.map(({ rule, fix, range }) => `${rule} ${fix} ${text.slice(range.start, range.end)}`),
      ).to.deep.equal(found);
      const made = findings.filter(({ fix }) => fix === 'auto').flatMap(({ edits }) => edits);
      expect(applyEdits(text, made)).to.equal(fixed ?? text);
      if (fixed !== undefined) expect((await read(fixed)).findings).to.deep.equal([]);
    });
  }

  it('says nothing when only x86 is asked for', async () => {
    const { findings } = await readCompose('services:\n  a:\n    platform: linux/amd64\n    build: .\n', {
      platforms: parsePlatformList('linux/amd64'),
      images: offlineImages,
    });
    expect(findings).to.deep.equal([]);
  });
});

describe('other files that compose files name', () => {
  const files: readonly { text: string; files: readonly object[] }[] = [
    { text: 'services: {}', files: [] },
    { text: 'include: x.yaml', files: [] },
    {
      text: 'include:\n  - a/x.yaml\n  - oci://b/c:1\n  - https://github.com/a/b.git\n  - $NONE/x.yaml\n  - path: [b.yaml, ../c.yaml]\n    project_directory: d\n',
      files: [
        { path: 'a/x.yaml' },
        { path: 'b.yaml', directory: 'd' },
        { path: '../c.yaml', directory: 'd' },
      ],
    },
    {
      text: 'services:\n  a:\n    extends: {file: x.yaml, service: b}\n    build: .\n  c:\n    extends: {file: x.yaml}\n  d:\n    extends: {service: a}\n    platform: linux/arm64\n',
      files: [
        { path: 'x.yaml', services: new Map([['b', ['build']]]) },
        { path: 'x.yaml', services: new Map([['b', ['build', 'platform']]]) },
      ],
    },
  ];
  for (const { text, files: expected } of files) {
    it(JSON.stringify(text), async () => expect((await read(text)).files).to.deep.equal(expected));
  }

  it('only the services that are asked for, without what is said otherwise', async () => {
    const text =
      'services:\n  a: {image: "mysql:5.7", platform: linux/amd64}\n  b: {image: "mysql:5.7"}\n  c: {build: .}\n';
    const asked = async (services: ReadonlyMap<string, readonly string[]>): Promise<readonly string[]> => {
      const options = { file: 'x.yaml', platforms, images: offlineImages, services };
      const { builds, findings } = await readCompose(text, options);
      return [...builds.map(({ name }) => name), ...findings.map(({ rule }) => rule)];
    };
    expect(await asked(new Map([['b', []]]))).to.deep.equal(['compose-image-lacks-platform']);
    expect(await asked(new Map([['b', ['image']]]))).to.deep.equal([]);
    expect(await asked(new Map([['a', ['build']]]))).to.deep.equal(['compose-platform-x86']);
    expect(await asked(new Map([['a', ['image', 'platform']]]))).to.deep.equal([]);
    expect(await asked(new Map([['c', ['image']]]))).to.deep.equal(['c']);
    expect(await asked(new Map([['z', []]]))).to.deep.equal([]);
  });
});

describe('builds of compose files', () => {
  const builds: readonly { text: string; variables?: Record<string, string>; builds: readonly object[] }[] = [
    { text: 'build: .', builds: [{ name: 'a', context: '.', dockerfile: 'Dockerfile', buildArgs: {} }] },
    {
      text: 'build: {context: ./web, dockerfile: prod.Dockerfile, target: run, args: {A: 1.10, B: "$X", C: , D: $NONE}}',
      variables: { X: 'x', C: 'c' },
      builds: [
        {
          name: 'a',
          context: './web',
          dockerfile: 'prod.Dockerfile',
          buildArgs: { A: '1.10', B: 'x', C: 'c' },
          target: 'run',
        },
      ],
    },
    {
      text: 'build: {context: ., args: [A=1, B, "C=$$x"]}',
      variables: { B: 'b' },
      builds: [{ name: 'a', context: '.', dockerfile: 'Dockerfile', buildArgs: { A: '1', B: 'b', C: '$x' } }],
    },
    {
      text: 'build: https://github.com/a/b.git',
      builds: [{ name: 'a', context: undefined, dockerfile: 'Dockerfile', buildArgs: {} }],
    },
    { text: 'build: [.]', builds: [] },
    { text: 'image: a', builds: [] },
  ];
  for (const { text, variables, builds: expected } of builds) {
    it(text, async () => {
      expect((await read(`services:\n  a:\n    ${text}\n`, variables)).builds).to.deep.equal(expected);
    });
  }

  it('knows where an inline Dockerfile is written', async () => {
    const text =
      'services:\n  a:\n    build:\n      dockerfile_inline: |\n        FROM debian:13\n\n        RUN true\n';
    const inline = (await read(text)).builds[0]?.inline;
    expect(inline?.text).to.equal('FROM debian:13\n\nRUN true\n');
    expect(inline?.indent).to.equal(8);
    expect(text.slice(inline?.range.start).trimStart()).to.match(/^FROM debian:13/);
  });
});

describe('compose files that cannot be read', () => {
  const bad: readonly { text: string; says: RegExp; at: string }[] = [
    { text: 'services:\n  a: {image: x\n', says: /no valid YAML: .*flow/i, at: '3:1' },
    { text: 'services:\n\t a: 1\n', says: /no valid YAML: .*tab/i, at: '2:1' },
    { text: 'services:\n  a: "x\n', says: /no valid YAML: .*quote/i, at: '3:1' },
    { text: 'services:\n  a: b: c\n', says: /no valid YAML: .*mapping/i, at: '2:6' },
  ];
  for (const { text, says, at } of bad) {
    it(JSON.stringify(text), async () => {
      const error = (await rejection(read(text))) as {
        message: string;
        code?: string;
        location?: { line: number; column: number };
      };
      expect(error.code).to.equal('SERVICES_SYNTAX');
      expect(error.message).to.match(says);
      expect(`${error.location?.line}:${error.location?.column}`).to.equal(at);
    });
  }
});
