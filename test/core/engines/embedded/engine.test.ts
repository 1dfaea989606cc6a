import { spawnSync } from 'node:child_process';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { type EngineBuild, openFolderContext } from '@mabuild/core';
import { digestOf, isMabuildError, parsePlatform } from '@mabuild/oci';
import { expect } from 'chai';
import { type EmbeddedTrial, embeddedTrial, type TrialOptions } from '../../../support/embedded-engine.ts';
import { makeImage } from '../../../support/made-image.ts';
import { rejection } from '../../../support/rejection.ts';
import { makeTar } from '../../../support/tar.ts';

const platforms = ['linux/amd64', 'linux/arm64', 'linux/arm/v7'];

describe('embedded engine', () => {
  const base = makeImage(
    ...platforms.map((platform) => ({
      platform,
      config: { Env: ['PATH=/bin', `FOR=${platform}`], Cmd: ['sh'] },
      layers: [
        [
          { path: 'etc/passwd', content: 'app:x:10:20::/:/bin/sh\n' },
          { path: 'etc/group', content: 'team:x:30:\n' },
          { path: 'bin', symlink: 'usr/bin' },
          { path: `usr/bin/for-${platform.replaceAll('/', '-')}`, content: platform },
        ],
      ],
    })),
  );
  let trial: EmbeddedTrial;
  beforeEach(async () => {
    base.reads.length = 0;
    trial = await embeddedTrial({ base });
  });
  afterEach(() => trial.remove());

  it('reads no layer of a base that an image only stands on', async () => {
    const built = await trial.build('FROM base\nENV A=1\nLABEL b=c\nCMD ["x"]');
    expect(base.reads.filter((digest) => base.layers.flat().includes(digest))).to.deep.equal([]);
    expect(built.blobs).to.deep.equal(base.layers[0]);
    expect(built.config.config?.Env).to.deep.equal(['PATH=/bin', 'FOR=linux/amd64', 'A=1']);
  });

  it('reads a base once for a file that is put into it, and never again', async () => {
    const dockerfile = 'FROM base\nCOPY --chown=app:team a /bin/\n';
    const files = { a: 'A' };
    const built = await trial.build(dockerfile, { files });
    expect(built.layers).to.deep.equal([{ 'usr/bin/a': 'file 644 10:30 A' }]);
    const layer = base.layers[0]?.[0];
    expect(base.reads.filter((digest) => digest === layer)).to.have.length(1);
    await trial.build(dockerfile, { files });
    expect(base.reads.filter((digest) => digest === layer)).to.have.length(1);
  });

  it('makes one layer for all platforms', async () => {
    const blobs: (string | undefined)[] = [];
    for (const platform of platforms) {
      const built = await trial.build('FROM base\nCOPY a /bin/x', { platform, files: { a: 'A' } });
      expect(`${built.config.os}/${built.config.architecture}`).to.equal(
        platform.split('/').slice(0, 2).join('/'),
      );
      blobs.push(built.blobs.at(-1));
    }
    expect(new Set(blobs).size).to.equal(1);
  });

  it('gives what it makes one time for all platforms of a build, however long they take', async () => {
    const context = await openFolderContext(trial.directory);
    const engine = trial.open();
    const clock = Date.now;
    const made: (string | undefined)[] = [];
    try {
      for (const [index, platform] of platforms.entries()) {
        Date.now = () => clock() + index * 60_000;
        const build: EngineBuild = {
          ...{
            builder: 'embedded',
            platform: parsePlatform(platform),
            dockerfile: 'FROM base\nWORKDIR /new',
          },
          ...{ addedFiles: [], buildArgs: {}, labels: {}, noCache: true, pull: false, network: 'default' },
          bases: [],
        };
        const { id } = await engine.build(build, context, {
          credentials: { credentialFor: async () => undefined },
        });
        const { layers } = await engine.export(id, { directory: trial.directory });
        made.push(layers.at(-1)?.diffId);
      }
    } finally {
      Date.now = clock;
      await engine.close();
    }
    expect(new Set(made).size).to.equal(1);
  });

  it('gives the build platform its own base', async () => {
    const dockerfile =
      'FROM --platform=$BUILDPLATFORM base AS tools\nFROM base\nCOPY --from=tools /usr/bin/ /tools/';
    const built = await trial.build(dockerfile, { platform: 'linux/arm64' });
    expect(Object.keys(built.layers[0] ?? {})).to.deep.equal(['tools/', 'tools/for-linux-amd64']);
  });

  it('builds the same bytes twice with SOURCE_DATE_EPOCH, whatever the times of files are', async () => {
    const dockerfile = 'FROM base\nWORKDIR /new\nCOPY . .\nENV A=1';
    const build = { buildArgs: { SOURCE_DATE_EPOCH: '1500000000' } };
    const other = await embeddedTrial({ base });
    try {
      const files = { a: 'A', 'b/c': { mode: 0o755, content: 'C' } };
      const [one, two] = [
        await trial.build(dockerfile, { build, files }),
        await other.build(dockerfile, { build, files }),
      ];
      expect(one.image.id).to.equal(two.image.id);
      expect(one.blobs).to.deep.equal(two.blobs);
      expect(one.config.created).to.equal('2017-07-14T02:40:00.000Z');
    } finally {
      await other.remove();
    }
  });

  it('refuses a SOURCE_DATE_EPOCH that is no number', async () => {
    const build = { buildArgs: { SOURCE_DATE_EPOCH: 'today' } };
    const error = await rejection(trial.build('FROM base', { build }));
    expect(isMabuildError(error) && error.code).to.equal('USAGE');
  });

  it('gives the same image again while nothing has changed', async () => {
    const dockerfile = 'FROM base\nENV A=1\nCOPY a /x\nLABEL b=c';
    const files = { a: 'A' };
    const one = await trial.build(dockerfile, { files });
    await new Promise((resolve) => setTimeout(resolve, 5));
    const two = await trial.build(dockerfile, { files });
    expect(two.image.id).to.equal(one.image.id);
    const times = one.config.history?.map(({ created }) => created);
    expect(new Set(times).size).to.equal(1);
    expect(one.config.created).to.equal(times?.[0]);
  });

  it('takes a step from the cache by content, not by time', async () => {
    const states: string[] = [];
    const onStep = (name: string, state: string): void =>
      void (name.startsWith('COPY') && state !== 'started' && states.push(state));
    const one = await trial.build('FROM base\nCOPY a /x', { files: { a: 'A' }, onStep });
    // Another folder, whose file has a time of its own.
    const two = await trial.build('FROM base\nCOPY b /x', { files: { b: 'A' }, onStep });
    await trial.build('FROM base\nCOPY a /x', { files: { a: 'B' }, onStep });
    expect(states).to.deep.equal(['done', 'cached', 'done']);
    expect(one.blobs).to.deep.equal(two.blobs);
    await trial.build('FROM base\nCOPY a /x', { files: { a: 'A' }, onStep, build: { noCache: true } });
    expect(states.at(-1)).to.equal('done');
  });

  it('refuses RUN before anything is asked for, and names its line in the user file', async () => {
    const build = {
      originalLocation: (line: number) => ({ file: 'Dockerfile', line: line + 10, column: 1 }),
    };
    const error = await rejection(trial.build('FROM base\nCOPY a /\nRUN make', { build }));
    if (!isMabuildError(error)) throw error;
    expect(error.code).to.equal('NOT_SUPPORTED_BY_EMBEDDED');
    expect(error.message).to.match(/line 13.*RUN/);
    expect(error.hint).to.match(/Docker/);
    expect(base.reads).to.deep.equal([]);
  });

  it('minds no RUN of a stage that the target does not need', async () => {
    const built = await trial.build('FROM base AS tests\nRUN make test\nFROM base\nENV A=1');
    expect(built.config.history?.at(-1)?.created_by).to.equal('ENV A=1');
  });

  it('builds what stands on nothing', async () => {
    const built = await trial.build('FROM scratch\nLABEL a=b', { build: { labels: { c: 'd' } } });
    expect(built.config.rootfs.diff_ids).to.deep.equal([]);
    expect(built.config.config).to.deep.equal({
      Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
      WorkingDir: '/',
      Labels: { a: 'b', c: 'd' },
    });
  });

  const copies: readonly (readonly [string, string, Readonly<Record<string, string>>])[] = [
    [
      '--link into a folder of the base',
      'COPY --link a.txt /bin/',
      { 'bin/': 'directory 755 0:0', 'bin/a.txt': 'file 644 0:0 A' },
    ],
    [
      '--parents',
      'COPY --parents d/e/f.txt /p/',
      {
        'p/': 'directory 755 0:0',
        'p/d/': 'directory 755 0:0',
        'p/d/e/': 'directory 755 0:0',
        'p/d/e/f.txt': 'file 644 0:0 F',
      },
    ],
    [
      '--parents with a pivot',
      'COPY --parents d/./e/f.txt /p/',
      { 'p/': 'directory 755 0:0', 'p/e/': 'directory 755 0:0', 'p/e/f.txt': 'file 644 0:0 F' },
    ],
    [
      '--parents with patterns',
      'COPY --parents **/*.txt /p/',
      {
        'p/': 'directory 755 0:0',
        'p/a.txt': 'file 644 0:0 A',
        'p/d/': 'directory 755 0:0',
        'p/d/e/': 'directory 755 0:0',
        'p/d/e/f.txt': 'file 644 0:0 F',
      },
    ],
    [
      '--exclude',
      'COPY --exclude=**/*.md --exclude=a.txt . /p/',
      {
        'p/': 'directory 755 0:0',
        'p/d/': 'directory 755 0:0',
        'p/d/e/': 'directory 755 0:0',
        'p/d/e/f.txt': 'file 644 0:0 F',
        'p/run': 'file 755 0:0 R',
      },
    ],
    [
      '--exclude of a file that is named',
      'COPY --exclude=*.md a.txt b.md /p/',
      { 'p/': 'directory 755 0:0', 'p/a.txt': 'file 644 0:0 A', 'p/b.md': 'file 644 0:0 M' },
    ],
    [
      '--exclude with an exception',
      'COPY --exclude=d --exclude=!d/e . /p/',
      {
        'p/': 'directory 755 0:0',
        'p/a.txt': 'file 644 0:0 A',
        'p/b.md': 'file 644 0:0 M',
        'p/d/': 'directory 755 0:0',
        'p/d/e/': 'directory 755 0:0',
        'p/d/e/f.txt': 'file 644 0:0 F',
        'p/d/e/g.md': 'file 644 0:0 G',
        'p/run': 'file 755 0:0 R',
      },
    ],
    [
      '--chmod with letters',
      'COPY --chmod=u=rwX,go=rX . /p/',
      {
        'p/': 'directory 755 0:0',
        'p/a.txt': 'file 644 0:0 A',
        'p/b.md': 'file 644 0:0 M',
        'p/d/': 'directory 755 0:0',
        'p/d/e/': 'directory 755 0:0',
        'p/d/e/f.txt': 'file 644 0:0 F',
        'p/d/e/g.md': 'file 644 0:0 G',
        'p/run': 'file 755 0:0 R',
      },
    ],
    [
      '--chmod with all bits',
      'COPY --chmod=4711 run /p/',
      { 'p/': 'directory 711 0:0', 'p/run': 'file 4711 0:0 R' },
    ],
    [
      'a heredoc',
      'COPY <<"one" <<-two --chmod=600 /p/\n$A\none\n\tx\ntwo',
      { 'p/': 'directory 755 0:0', 'p/one': 'file 644 0:0 $A', 'p/two': 'file 644 0:0 x' },
    ],
    [
      'ADD --unpack=false',
      'ADD --unpack=false t.tar /p/',
      { 'p/': 'directory 755 0:0', 'p/t.tar': 'file 644 0:0 TAR' },
    ],
  ];
  const tar = makeTar([{ path: 'in', content: 'x' }]);
  for (const [name, line, expected] of copies) {
    it(`copies with ${name}`, async () => {
      const files = {
        'a.txt': 'A',
        'b.md': 'M',
        'd/e/f.txt': 'F',
        'd/e/g.md': 'G',
        run: { mode: 0o755, content: 'R' },
        ...(line.includes('t.tar') ? { 't.tar': tar } : {}),
      };
      const dockerfile = `FROM base\n${line.replace(/^COPY (<<.*) (--chmod=\S+) /, 'COPY $1 ')}`;
      const { layers } = await trial.build(dockerfile, { files });
      const shown = Object.fromEntries(
        Object.entries(layers[0] ?? {}).map(([path, text]) => [
          path,
          text.includes('\0') ? 'file 644 0:0 TAR' : text,
        ]),
      );
      expect(shown).to.deep.equal(expected);
    });
  }

  for (const [program, args] of [
    ['gzip', ['-c']],
    ['xz', ['-c']],
    ['zstd', ['-c', '-q']],
  ] as const) {
    it(`unpacks what ${program} compressed`, async function () {
      const packed = spawnSync(program, args, { input: makeTar([{ path: 'd/in', content: 'inside' }]) });
      if (packed.error || packed.status !== 0) this.skip();
      const { layers } = await trial.build('FROM base\nADD t /x/', { files: { t: packed.stdout } });
      expect(layers).to.deep.equal([
        {
          'x/': 'directory 755 0:0',
          'x/d/': 'directory 755 0:0',
          'x/d/in': 'file 644 0:0 inside',
        },
      ]);
    });
  }

  const spellings: readonly (readonly [string, string, TrialOptions['build']?])[] = [
    ['ARG X=1', 'ARG X=1'],
    ['ARG X=1', 'ARG X=2', { buildArgs: { X: '2' } }],
    ['ARG X', 'ARG X'],
    ['ARG TARGETARCH', 'ARG TARGETARCH=amd64'],
    ['EXPOSE 80 443/UDP 8000-8001', 'EXPOSE [443/udp 80/tcp 8000/tcp 8001/tcp]'],
    ['WORKDIR /a//b/../c/', 'WORKDIR /a//b/../c/'],
    [
      'HEALTHCHECK --start-interval=5s --retries=3 CMD x',
      `HEALTHCHECK &{["CMD-SHELL" "x"] "0s" "0s" "0s" "5s" '\\x03'}`,
    ],
  ];
  for (const [line, shown, build = {}] of spellings) {
    it(`writes ${shown} into the history`, async () => {
      const built = await trial.build(`FROM base\n${line}`, { build });
      expect(built.config.history?.at(-1)?.created_by).to.equal(shown);
    });
  }

  it('knows the target by TARGETSTAGE', async () => {
    const dockerfile = 'FROM base AS one\nARG TARGETSTAGE\nENV T=$TARGETSTAGE';
    for (const target of ['one', undefined]) {
      const built = await trial.build(dockerfile, { build: target === undefined ? {} : { target } });
      expect(built.config.config?.Env?.at(-1)).to.equal(`T=${target ?? 'default'}`);
    }
  });

  it('runs the triggers of a stage that another stands on', async () => {
    const built = await trial.build('FROM base AS one\nONBUILD ENV T=1\nFROM one\nENV U=$T');
    expect(built.config.config?.Env?.slice(-2)).to.deep.equal(['T=1', 'U=1']);
  });

  const mistaken: readonly (readonly [string, RegExp])[] = [
    ['FROM base AS one\nCOPY --from=two /bin /x\nFROM base AS two\nFROM one', /line 2.*stage "two"/],
    ['FROM scratch\nCOPY --chown=app a /', /line 2.*user "app"/],
  ];
  for (const [dockerfile, message] of mistaken) {
    it(`refuses ${JSON.stringify(dockerfile)}`, async () => {
      const error = await rejection(trial.build(dockerfile, { files: { a: 'A' } }));
      expect((error as Error).message).to.match(message);
    });
  }

  describe('ADD of a URL', () => {
    const digest = digestOf(Buffer.from('downloaded'));
    const page = (status: number) => ({
      status,
      header: (name: string) => (name === 'last-modified' ? 'Tue, 01 Feb 2022 03:04:05 GMT' : undefined),
      body: Readable.from([Buffer.from('downloaded')]),
    });
    const asked: string[] = [];
    let fetching: EmbeddedTrial;
    beforeEach(async () => {
      asked.length = 0;
      fetching = await embeddedTrial(
        { base },
        {
          web: async (url) => {
            asked.push(url);
            if (url.includes('refused')) throw new Error('connection refused');
            return page(url.includes('missing') ? 404 : 200);
          },
        },
      );
    });
    afterEach(() => fetching.remove());

    it('asks once for all steps and takes a name from the path', async () => {
      const url = 'https://user:secret@example.com/a%20b.txt?token=x#y';
      const built = await fetching.build(
        `FROM base\nADD --checksum=${digest} ${url} /one/\nADD --chmod=644 ${url} /two/name`,
      );
      expect(asked).to.have.length(1);
      expect(built.layers).to.deep.equal([
        { 'one/': 'directory 755 0:0', 'one/a b.txt': 'file 600 0:0 downloaded' },
        { 'two/': 'directory 644 0:0', 'two/name': 'file 644 0:0 downloaded' },
      ]);
    });

    it('calls a download without a name as BuildKit does', async () => {
      const built = await fetching.build('FROM base\nADD https://example.com/ /x/');
      expect(Object.keys(built.layers[0] ?? {})).to.include('x/__unnamed__');
    });

    const refused: readonly (readonly [string, RegExp])[] = [
      [`ADD --checksum=sha256:${'0'.repeat(64)} https://e.example/x /`, /digest mismatch/],
      ['ADD https://u:secret@e.example/missing?token=secret /', /https:\/\/e\.example\/missing: .*404/],
      ['ADD https://u:secret@e.example/refused /', /connection refused/],
      [`ADD --checksum=${digest} a /`, /checksum/],
    ];
    for (const [line, message] of refused) {
      it(`refuses ${line}`, async () => {
        const error = await rejection(fetching.build(`FROM base\n${line}`, { files: { a: 'A' } }));
        const text = String(error).replace(/\(ADD [^)]*\)/, '');
        expect(text).to.match(message).and.include('line 2');
        expect(text).to.not.include('secret');
      });
    }
  });

  describe('RUN', () => {
    const runs: string[] = [];
    let running: EmbeddedTrial;
    beforeEach(async () => {
      runs.length = 0;
      running = await embeddedTrial(
        { base },
        {
          run: async ({ command, environment, user, workingDirectory, mounts }, site) => {
            const words = [...command, `X=${environment.X}`, user, workingDirectory];
            runs.push([...words, ...mounts.map(({ fields }) => fields.type ?? 'bind')].join('|'));
            const open = async () => Readable.from([Buffer.from('made')]);
            if (command.includes('nothing')) return undefined;
            return await site.write([
              { path: 'made', type: 'file', mode: 0o600, uid: 1, gid: 2, mtime: 3, size: 4, open },
            ]);
          },
        },
      );
    });
    afterEach(() => running.remove());

    it('gets what stands above it', async () => {
      const dockerfile =
        'FROM base\nARG X=1\nUSER app\nWORKDIR /w\nSHELL ["/bin/bash", "-c"]\nRUN --mount=type=tmpfs,target=/t make $X\nRUN ["exec", "form"]\nRUN <<EOF\necho\nEOF\n';
      const built = await running.build(dockerfile);
      expect(runs).to.deep.equal([
        '/bin/bash|-c|make $X|X=1|app|/w|tmpfs',
        'exec|form|X=1|app|/w',
        '/bin/bash|-c|echo\n|X=1|app|/w',
      ]);
      expect(built.layers.at(-1)).to.deep.equal({ made: 'file 600 1:2 made' });
      const shown = built.config.history?.map(({ created_by: by }) => by).slice(-3);
      expect(shown?.[0]).to.equal('RUN |1 X=1 /bin/bash -c make $X # buildkit');
    });

    it('executes a heredoc that begins with #! as a program', async () => {
      const built = await running.build('FROM base\nRUN <<EOF\n#!/bin/awk -f\nBEGIN {}\nEOF');
      expect(runs).to.deep.equal(['/bin/sh|-c|/dev/pipes/EOF|X=undefined||/|bind']);
      expect(built.config.history?.at(-1)?.created_by).to.equal('RUN /bin/sh -c /dev/pipes/EOF # buildkit');
    });

    it('gets the later of an ENV and an ARG', async () => {
      await running.build('FROM base\nENV X=env\nARG X=arg\nRUN make\nENV X=last\nRUN make');
      expect(runs.map((run) => run.split('|')[3])).to.deep.equal(['X=arg', 'X=last']);
    });

    for (const [flag, message] of [
      ['--mount=target=/x,nonsense=1', /nonsense/],
      ['--security=insecure', /insecure/],
    ] as const)
      it(`refuses ${flag}`, async () => {
        const error = await rejection(running.build(`FROM base\nRUN ${flag} make`));
        expect((error as Error).message).to.match(message);
        expect(runs).to.deep.equal([]);
      });

    const files = { a: 'A', 'd/b': 'B' };
    const repeats: readonly (readonly [
      string,
      string,
      string,
      Parameters<EmbeddedTrial['build']>[1],
      number,
    ])[] = [
      ['the same', 'RUN make', 'RUN make', {}, 1],
      ['the same that changes nothing', 'RUN nothing', 'RUN nothing', {}, 1],
      ['another command', 'RUN make', 'RUN make more', {}, 2],
      ['another variable', 'ENV X=1\nRUN make', 'ENV X=2\nRUN make', {}, 2],
      ['another user', 'RUN make', 'USER app\nRUN make', {}, 2],
      ['other files below', 'RUN make', 'COPY a /\nRUN make', { files }, 2],
      ['labels in between', 'RUN make', 'LABEL a=b\nRUN make', {}, 1],
      ['--no-cache', 'RUN make', 'RUN make', { build: { noCache: true } }, 2],
      [
        'the same mount',
        'RUN --mount=target=/m,source=d make',
        'RUN --mount=target=/m,source=d make',
        { files },
        1,
      ],
      [
        'other files outside of a mount',
        'RUN --mount=target=/m,source=d make',
        'RUN --mount=target=/m,source=d make',
        { files: { ...files, a: 'other' } },
        1,
      ],
      [
        'other files in a mount',
        'RUN --mount=target=/m,source=d make',
        'RUN --mount=target=/m,source=d make',
        { files: { ...files, 'd/b': 'other' } },
        2,
      ],
      ['another platform', 'RUN make', 'RUN make', { platform: 'linux/arm64' }, 2],
      ['another proxy', 'RUN make', 'RUN make', { build: { buildArgs: { HTTP_PROXY: 'http://p' } } }, 1],
    ];
    for (const [name, one, two, options, count] of repeats) {
      it(`is executed ${count === 1 ? 'once' : 'again'} for ${name}`, async () => {
        await running.build(`FROM base\n${one}`, { files });
        await running.build(`FROM base\n${two}`, { files, ...options });
        expect(runs).to.have.length(count);
      });
    }
  });

  const triggered = makeImage({
    platform: 'linux/amd64',
    config: { OnBuild: ['COPY a /from-trigger', 'ENV T=1'] },
    layers: [[{ path: 'x', content: 'x' }]],
  });
  it('runs the triggers of a base, and names the line of its FROM when they fail', async () => {
    const other = await embeddedTrial({ triggered });
    try {
      const built = await other.build('FROM triggered\nENV U=$T', { files: { a: 'A' } });
      expect(built.config.config?.Env).to.include('U=1');
      expect(built.config.config).to.not.have.property('OnBuild');
      const error = await rejection(other.build('# x\nFROM triggered\n'));
      expect(String(error)).to.match(/line 2 \(COPY a/);
    } finally {
      await other.remove();
    }
  });

  it('says what a base is when it is not what its config says', async () => {
    const liar = makeImage({ platform: 'linux/amd64', layers: [gzipSync(makeTar([{ path: 'x' }]))] });
    const other = await embeddedTrial({ liar });
    try {
      const error = await rejection(other.build('FROM liar\nWORKDIR /x'));
      expect(isMabuildError(error) && error.code).to.equal('DIGEST_MISMATCH');
    } finally {
      await other.remove();
    }
  });

  it('cannot load, tag, pull, save or run, and says what to do instead', async () => {
    const engine = trial.open();
    const calls = [
      engine.load,
      engine.tag,
      engine.pull,
      engine.save,
      engine.run,
    ] as (() => Promise<unknown>)[];
    for (const call of calls) {
      const error = await rejection(call.call(engine));
      expect(isMabuildError(error) && [error.code, error.hint !== undefined]).to.deep.equal([
        'ENGINE_CANNOT',
        true,
      ]);
    }
    expect(await engine.inspect('busybox')).to.equal(undefined);
  });

  it('leaves nothing in the temporary folder', async () => {
    const files = { 't.tar': tar };
    await trial.build('FROM base\nADD t.tar /x/\nCOPY --from=base /etc /y', { files });
    const { readdir } = await import('node:fs/promises');
    expect(await readdir(`${trial.directory}/temporary`).catch(() => [])).to.deep.equal([]);
  });
});
