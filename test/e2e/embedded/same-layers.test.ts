import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import type { BuildAnswer } from '../../support/build-driver.ts';
import { writeContext } from '../../support/embedded-builds.ts';
import { sandboxUsers } from '../../support/sandbox-users.ts';
import { servicesDescribe } from '../../support/services.ts';
import { type UserBuilds, userBuilds } from '../../support/user-builds.ts';

const platforms = ['linux/amd64', 'linux/arm/v7'];

/** Everything in whose order, time or form a layer could differ from another of the same RUN. */
const dockerfile = `FROM busybox
COPY --chmod=0640 a.txt /opt/
RUN mkdir -p /made/b /made/a/c && for name in z B a_ a- a. a; do echo $name >/made/$name; done; true
RUN ln /made/z /made/hard && ln -s ../z /made/a/soft && mkfifo /made/pipe && truncate -s 3M /made/sparse && chmod 4711 /made/B
RUN touch -d '2001-02-03 04:05:06' /made/a. /made/b && echo more >>/opt/a.txt && chmod 0600 /etc/passwd
RUN rm -r /made/a /opt/a.txt && mkdir /made/a && echo new >/made/a/new && mv /made/b /made/moved
WORKDIR /srv/app
RUN echo $(pwd) >here && cp /bin/busybox /made/copy
`;
/** Needs more than one user. */
const owners = `${dockerfile}RUN chown -R 1000:1001 /made && touch /srv/app/theirs && chown 33:44 /srv/app/theirs
USER 1000:1001
RUN echo mine >/tmp/mine
`;

servicesDescribe('embedded: the same layers whoever builds, and in which sandbox', function (services) {
  this.timeout(300_000);
  let builds: UserBuilds;
  const users = sandboxUsers();

  before(async () => {
    builds = await userBuilds();
    for (const [name, content] of Object.entries({ root: dockerfile, owners })) {
      const context = join(builds.root, `context-${name}`);
      await writeContext(context, { Dockerfile: content, 'a.txt': 'a' });
      await chmod(context, 0o755);
    }
  });
  after(() => builds.remove());

  const single = users.filter((user) =>
    ['this user', 'nobody, alone', 'nobody, without namespaces'].includes(user),
  );
  const several = users.filter((user) => user === 'this user' || !single.includes(user));
  for (const [title, name, some, layers] of [
    ['of root', 'root', single, 8],
    ['of several owners', 'owners', several, 10],
  ] as const) {
    let first: BuildAnswer['built'] | undefined;
    for (const user of some)
      it(`${title}, as ${user}`, async () => {
        // Each user has a cache of its own.
        const { built: all } = await builds.build(user, `cache-${name}`, {
          context: join(builds.root, `context-${name}`),
          platforms,
          mirror: services.mirror ?? 'https://registry-1.docker.io',
          epoch: '1700000000',
        });
        expect(Object.keys(all)).to.deep.equal(platforms);
        first ??= all;
        // The config, then the layers.
        for (const built of Object.values(first))
          expect(built)
            .to.be.an('array')
            .with.length(1 + layers);
        expect(all).to.deep.equal(first);
      });
  }
});
