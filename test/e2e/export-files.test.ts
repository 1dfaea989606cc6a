import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { readTarEntries } from '@mabuild/oci';
import { expect } from 'chai';
import { mabuildOk } from '../support/cli.ts';
import { dockerJudge } from '../support/docker.ts';
import { servicesDescribe } from '../support/services.ts';
import { makeWorkspace, type Workspace } from '../support/workspace.ts';

const platform = 'linux/arm64';

/** Each RUN is a layer; what they do to one another is what flattening is about. */
const dockerfile = `FROM busybox
RUN mkdir -p /t/deleted/sub /t/emptied /t/tofile /t/kept && cd /t && \\
    echo 1 > deleted/sub/f && echo 1 > emptied/old && echo 1 > tofile/f && echo 1 > tofolder && echo 1 > thrice && \\
    echo linked > name1 && ln name1 name2 && ln name1 kept/name3 && echo 1 > gone && echo 1 > kept/f && \\
    ln -s /bin/busybox absolute && ln -s ../../../../etc/passwd up && ln -s nowhere dangling && \\
    echo s > setuid && chmod 4755 setuid && chown 7:8 setuid && chmod 1777 kept
RUN cd /t && rm -r deleted gone tofile tofolder && echo 2 > tofile && mkdir tofolder && echo 2 > tofolder/f && \\
    echo 2 > thrice && rm -r emptied && mkdir emptied && echo 2 > emptied/new
RUN cd /t && rm name1 && echo replaced > name1 && echo 3 > thrice && rm tofile && mkdir tofile && echo 3 > tofile/g && \\
    mkdir deleted && echo 3 > deleted/back && chmod 700 kept
CMD ["true"]
`;

for (const engine of ['classic', 'buildkit'])
  servicesDescribe(`build: files of an image, ${engine}`, function (services) {
    this.timeout(180_000);
    const judge = dockerJudge(services.dockerHost);
    const env = { DOCKER_HOST: services.dockerHost };
    let workspace: Workspace;
    let context: string;
    /** What `docker export` says that the image holds. */
    let expected: ReadonlyMap<string, string>;

    before(async () => {
      workspace = await makeWorkspace();
      context = await workspace.context({ Dockerfile: dockerfile });
      const image = `${services.registry}/e2e/files:${engine}`;
      await build('--push', '-t', image);
      await judge.pull(image, platform);
      expected = await listing(Readable.from([await judge.exported(image, platform)]));
      await judge.removeImage(image);
    });
    after(() => workspace.remove());

    function build(...args: readonly string[]): Promise<unknown> {
      return mabuildOk(['build', '--engine', engine, '--platform', platform, ...args, context], {
        ...{ workspace, env },
      });
    }

    it('-o tar: holds what docker export gives', async () => {
      const file = join(workspace.dir, 'files.tar');
      await build('-o', `tar:${file}`);
      const found = await listing(createReadStream(file));
      expect([...found].sort()).to.deep.equal([...expected].sort());
      // tar itself takes it, hard links after what they link to.
      execFileSync('tar', ['-tf', file]);
    });

    it('-o local: unpacks it', async () => {
      const folder = join(workspace.dir, 'files');
      await build('-o', `local:${folder}`);
      for (const [path, facts] of expected) {
        const full = join(folder, path);
        const stats = await lstat(full);
        const [type, mode, , what] = facts.split(' ');
        if (type === 'symlink') expect(await readlink(full), path).to.equal(what);
        else expect((stats.mode & 0o7777).toString(8), path).to.equal(mode);
        if (type === 'file') expect(digest(await readFile(full)), path).to.equal(what);
        expect([stats.isFile(), stats.isDirectory(), stats.isSymbolicLink()], path).to.deep.equal([
          type === 'file',
          type === 'directory',
          type === 'symlink',
        ]);
      }
      expect(await readFile(join(folder, 't/name2'), 'utf8')).to.equal('linked\n');
      expect((await lstat(join(folder, 't/name2'))).ino).to.equal(
        (await lstat(join(folder, 't/kept/name3'))).ino,
      );
    });

    it('-o local: takes a second image into the same folder', async () => {
      await build('-o', `local:${join(workspace.dir, 'files')}`);
    });
  });

/** What docker puts into every container. */
const ofDocker = /^(\.dockerenv|(dev|proc|sys)(\/.*)?|etc\/(hosts|hostname|resolv\.conf|mtab))$/;

/** Type, mode, owner and content of each path; another name of a file counts as a file. */
async function listing(tar: Readable): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for await (const entry of readTarEntries(tar)) {
    const path = entry.name.replace(/\/$/, '').replace(/^\.\//, '');
    if (path === '' || path === '.' || ofDocker.test(path)) continue;
    if (entry.type === 'link') {
      found.set(path, found.get(entry.linkname ?? '') ?? `a link to ${entry.linkname}, which is not there`);
      continue;
    }
    const what =
      entry.type === 'symlink'
        ? entry.linkname
        : entry.type === 'file'
          ? digest(await buffer(entry.body))
          : '';
    const mode = entry.type === 'symlink' ? '' : (entry.mode & 0o7777).toString(8);
    found.set(path, `${entry.type} ${mode} ${entry.uid}:${entry.gid} ${what}`);
  }
  return found;
}

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
