import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { expect } from 'chai';
import { layerTar } from '../../../../../../packages/core/src/engines/embedded/sandbox/helper/layer-tar.ts';
import { debTree, hasDebs } from '../../../../../support/debs.ts';
import {
  busyboxRoot,
  file,
  folder,
  helperFolder,
  removeFolder,
  symlink,
} from '../../../../../support/sandbox.ts';
import { sandboxUsers, userDriver } from '../../../../../support/sandbox-users.ts';
import { requireTool } from '../../../../../support/tools.ts';

/** What programs of a package manager do, with calls as musl makes them. */
const source = `
#include <dirent.h>
#include <pthread.h>
#include <pwd.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
extern char **environ;
static void *other(void *given) { return given; }
int main(int count, char **words) {
  struct stat found;
  char path[4096], *again[] = {"try", "again", 0};
  if (count > 1) { printf("%s\\n", words[1]); return 0; }
  if (stat("/etc/passwd", &found) != 0) return 1;
  printf("mode %o\\n", found.st_mode & 0777);
  struct passwd *app = getpwnam("app");
  printf("app %d\\n", app ? (int)app->pw_uid : -1);
  int entries = 0;
  DIR *bin = opendir("/bin");
  while (readdir(bin)) entries += 1;
  printf("many %d\\n", entries > 10);
  pthread_t thread;
  void *answer;
  pthread_create(&thread, 0, other, (void *)7);
  pthread_join(thread, &answer);
  printf("thread %ld\\n", (long)answer);
  fflush(stdout);
  pid_t child;
  int status, spawned = posix_spawn(&child, "/bin/try", 0, 0, again, environ);
  waitpid(child, &status, 0);
  printf("spawned %d %d\\n", spawned, status);
  printf("real %s\\n", realpath("/bin/../etc/./group", path));
  mkdir("/made", 0750);
  FILE *file = fopen("/made/f", "w");
  fputs("x", file);
  fclose(file);
  printf("kept %d\\n", rename("/made/f", "/made/g") | symlink("g", "/made/l") | chmod("/made/g", 0600) | truncate("/made/l", 1));
  fflush(stdout);
  return system("echo by its shell");
}
`;
const says = [
  ...['mode 644', 'app 1000', 'many 1', 'thread 7', 'again', 'spawned 0 0', 'real /etc/group', 'kept 0'],
  'by its shell',
];

requireTool('gcc', 'a base with musl', function (this: Mocha.Suite) {
  this.timeout(300_000);
  let root = '';
  let helper = '';
  let layer = '';
  before(async function () {
    if (process.platform !== 'linux' || process.arch !== 'x64' || !(await hasDebs())) return this.skip();
    ({ folder: root, helper } = await helperFolder());
    const [musl, headers, busybox] = await Promise.all(
      ['musl', 'musl-dev', 'busybox-static'].map((name) => debTree(name, 'amd64')),
    );
    const libraries = join(headers ?? '', 'usr/lib/x86_64-linux-musl');
    const libc = join(musl ?? '', 'lib/x86_64-linux-musl/libc.so');
    const program = join(root, 'try');
    const at = (name: string): string => join(libraries, name);
    writeFileSync(`${program}.c`, source);
    execFileSync('gcc', [
      ...[
        '-nostdinc',
        '-isystem',
        join(headers ?? '', 'usr/include/x86_64-linux-musl'),
        '-nostdlib',
        '-pie',
        '-fPIE',
      ],
      ...[
        '-o',
        program,
        at('Scrt1.o'),
        at('crti.o'),
        `${program}.c`,
        `-L${dirname(libc)}`,
        '-l:libc.so',
        at('crtn.o'),
      ],
      ...['-Wl,-dynamic-linker,/lib/ld-musl-x86_64.so.1', '-fno-stack-protector'],
    ]);
    const entries = [
      ...(await busyboxRoot(busybox ?? '')),
      file('bin/try', readFileSync(program), { mode: 0o755 }),
      folder('lib'),
      file('lib/libc.so', readFileSync(libc), { mode: 0o755 }),
      symlink('lib/ld-musl-x86_64.so.1', 'libc.so'),
    ];
    layer = join(root, 'musl.tar');
    writeFileSync(layer, await buffer(Readable.from(layerTar(entries))), { mode: 0o644 });
  });
  after(async () => {
    if (root !== '') await removeFolder(root);
  });

  for (const user of sandboxUsers())
    it(`runs its programs, ${user}`, async () => {
      const driver = await userDriver(root, helper);
      const { results } = await driver.run(user, { commands: [{ layers: [layer], command: ['try'] }] });
      const [result] = results;
      expect(result, JSON.stringify(result)).to.include({ kind: 'changed', stdout: `${says.join('\n')}\n` });
      const made = result?.kind === 'changed' ? result.entries.map(({ path, mode }) => [path, mode]) : [];
      expect(made).to.deep.equal([
        ['made', 0o750],
        ['made/g', 0o600],
        ['made/l', 0o777],
      ]);
    });
});
