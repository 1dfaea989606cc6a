import { gzipSync } from 'node:zlib';
import type { ContextFile } from './embedded-builds.ts';
import { makeTar } from './tar.ts';

/** A Dockerfile that both engines build; `BASE`, `TRIGGERS`, `URL` and `GIT` stand for what the test serves. */
export interface EmbeddedRow {
  readonly name: string;
  readonly dockerfile: string;
  /** Instead of the usual context. */
  readonly files?: Readonly<Record<string, ContextFile>>;
  readonly buildArgs?: Readonly<Record<string, string>>;
  readonly target?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** Why the history need not be the same. */
  readonly otherHistory?: string;
  /** Why the files need not be the same, and the paths that this is about. */
  readonly otherFiles?: { readonly why: string; readonly paths: readonly string[] };
  /** Why the config need not be the same, and the fields that this is about. */
  readonly otherConfig?: { readonly why: string; readonly fields: readonly string[] };
}

/** A tar with what an archive of ADD may hold. */
export const archive: Buffer = makeTar([
  { path: 'inside', folder: true, mode: 0o750 },
  { path: 'inside/file', content: 'from the archive', mode: 0o640 },
  { path: 'inside/other', hardlink: 'inside/file', mode: 0o640 },
  { path: 'inside/link', symlink: 'file' },
  { path: 'deep/in/it', content: 'deep' },
]);

/** What most rows copy from. */
export const usualFiles: Readonly<Record<string, ContextFile>> = {
  'a.txt': 'A',
  'b.txt': 'B',
  'c.md': 'C',
  'with space.txt': 'space',
  '[odd].txt': 'odd',
  secret: { mode: 0o600, content: 'secret' },
  program: { mode: 0o4755, content: '#!/bin/sh\n' },
  link: { link: 'a.txt' },
  'to-dir': { link: 'dir' },
  broken: { link: 'nowhere' },
  dir: { mode: 0o700, folder: true },
  'dir/one': 'one',
  'dir/two': { mode: 0o444, content: 'two' },
  'dir/sub/three': 'three',
  'dir/sub/up': { link: '../one' },
  'dir/empty': { mode: 0o755, folder: true },
  'other/one': 'another one',
  'other/x/y/z.txt': 'z',
  'rootfs/etc/app.conf': 'conf',
  'rootfs/usr/bin/app': { mode: 0o755, content: 'app' },
  'archive.tar': archive,
  'archive.tar.gz': gzipSync(archive),
  'not-archive.tar.gz': gzipSync('just text'),
  'empty-file': '',
};

const rows: EmbeddedRow[] = [];
const row = (name: string, dockerfile: string, rest: Omit<EmbeddedRow, 'name' | 'dockerfile'> = {}): void => {
  rows.push({ name, dockerfile, ...rest });
};

row('FROM alone', 'FROM BASE');
row('FROM scratch with a file', 'FROM scratch\nCOPY a.txt /');
row('FROM AS and a second stage', 'FROM BASE AS one\nCOPY a.txt /x\nFROM one\nENV Q=1');
row('a stage that is not needed', 'FROM scratch AS unused\nCOPY not-there /\nFROM BASE\nLABEL a=b');
row('--target', 'FROM BASE AS one\nENV A=one\nFROM BASE AS two\nENV A=two', { target: 'one' });
row('a global ARG in FROM', 'ARG NAME=BASE\nFROM ${NAME}\nARG NAME\nENV GOT=$NAME');
row(
  'ENV in its forms',
  'FROM BASE\nENV A=2 B="two words" C=with\\ blank D=\'$A\'\nENV OLD form of it  \nENV E=$A-${B:-x}-${NOPE:-none}-${A:+set}',
);
row('ENV over ENV of the base', 'FROM BASE\nENV A=changed PATH=/x:$PATH');
row('ENV sees what was before its line only', 'FROM BASE\nENV A=new B=$A');
row('ARG with and without default', 'FROM BASE\nARG X=1\nARG Y\nARG Z=$X.$Y\nENV R=$X:$Y:$Z', {
  buildArgs: { Y: 'given' },
});
row('ARG that is given', 'FROM BASE\nARG X=1\nENV R=$X', { buildArgs: { X: 'over', UNUSED: 'x' } });
row('ARG over ENV', 'FROM BASE\nENV V=env\nARG V=arg\nENV R=$V');
row('ENV over ARG', 'FROM BASE\nARG V=arg\nENV V=env\nENV R=$V');
row('several ARGs in a line', 'FROM BASE\nARG P=1 Q=2\nENV R=$P$Q', {});
row(
  'automatic ARGs',
  'FROM BASE\nARG TARGETARCH\nARG TARGETPLATFORM\nARG BUILDOS\nENV R=$TARGETARCH,$TARGETPLATFORM,$BUILDOS,$TARGETVARIANT',
);
row('ARGs of the stage below', 'FROM BASE AS one\nARG X=1\nFROM one\nENV R=$X');
row('LABELs', 'FROM BASE\nLABEL a=b "c d"="e f" x=over multi="line \\\none"\nLABEL $A=$A');
row('labels of the command', 'FROM BASE\nLABEL a=b', { labels: { a: 'command', z: '1' } });
row('MAINTAINER', 'FROM BASE\nMAINTAINER Some One <one@example.com>');
row('CMD in exec form', 'FROM BASE\nCMD ["a", "b c", "d\\"e", "tab\\t"]');
row('CMD in shell form', 'FROM BASE\nCMD echo "hi there" && $HOME');
row('ENTRYPOINT drops the CMD of the base', 'FROM BASE\nENTRYPOINT ["/x"]');
row('ENTRYPOINT keeps a CMD of its own stage', 'FROM BASE\nCMD ["y"]\nENTRYPOINT /x $y');
row('ENTRYPOINT in a stage on a stage with CMD', 'FROM BASE AS one\nCMD ["y"]\nFROM one\nENTRYPOINT ["/x"]');
row('empty CMD and ENTRYPOINT', 'FROM BASE\nENTRYPOINT []\nCMD []');
row('SHELL', 'FROM BASE\nSHELL ["/bin/bash", "-o", "pipefail", "-c"]\nCMD a | b\nENTRYPOINT c');
row('EXPOSE', 'FROM BASE\nARG P="90 91"\nEXPOSE 80 443/tcp 53/udp 8000-8002 $P');
row('VOLUME in both forms', 'FROM BASE\nVOLUME /data /logs\nVOLUME ["/with space", "/b"]');
row('USER', 'FROM BASE\nENV U=app\nUSER $U:staff\nUSER 1000');
row('STOPSIGNAL', 'FROM BASE\nSTOPSIGNAL SIGKILL');
row('STOPSIGNAL with a variable', 'FROM BASE\nENV S=9\nSTOPSIGNAL $S');
row(
  'HEALTHCHECK',
  'FROM BASE\nHEALTHCHECK --interval=1m30s --timeout=500ms --start-period=2h --retries=3 CMD curl -f "x" || exit 1',
);
row('HEALTHCHECK in exec form', 'FROM BASE\nHEALTHCHECK CMD ["/check", "it"]');
row('HEALTHCHECK NONE', 'FROM BASE\nHEALTHCHECK NONE');
row('ONBUILD', 'FROM BASE\nONBUILD COPY a.txt /x\nONBUILD   ENV  A=b');
row('triggers of the base run', 'FROM TRIGGERS\nENV AFTER=$TRIGGERED');
row('WORKDIR absolute and relative', 'FROM BASE\nWORKDIR /made/for/it\nWORKDIR sub\nWORKDIR ../up');
row('WORKDIR that is there', 'FROM BASE\nWORKDIR /opt\nWORKDIR /', {
  otherHistory: 'no layer is written where nothing changed',
});
row('WORKDIR with a variable', 'FROM BASE\nENV D=/a/b\nWORKDIR $D/${A}');
row('WORKDIR through links', 'FROM BASE\nWORKDIR /var/abs/x\nWORKDIR /lib/y\nWORKDIR /var/out/z');
row('WORKDIR of a user', 'FROM BASE\nUSER app\nWORKDIR /home/app/work');
row('WORKDIR of a user and group', 'FROM BASE\nUSER app:staff\nWORKDIR /w1/w2');
row('WORKDIR of numbers', 'FROM BASE\nUSER 7\nWORKDIR /n1\nUSER 7:8\nWORKDIR /n2');
row('COPY a file to a name', 'FROM BASE\nCOPY a.txt /new/deep/name');
row('COPY a file to a folder', 'FROM BASE\nCOPY a.txt /new/');
row('COPY a file to a folder that is there, without slash', 'FROM BASE\nCOPY a.txt /folder');
row('COPY several', 'FROM BASE\nCOPY a.txt b.txt c.md /many/');
row('COPY over a file', 'FROM BASE\nCOPY a.txt /srv/old');
row('COPY over a link to a file', 'FROM BASE\nCOPY a.txt /var/file');
row('COPY to where a dangling link leads', 'FROM BASE\nCOPY a.txt /var/dangling');
row('COPY into a link to a folder', 'FROM BASE\nCOPY a.txt /var/abs\nCOPY b.txt /lib/');
row('COPY through a link that leads above the root', 'FROM BASE\nCOPY a.txt /var/out/');
row(
  'COPY below WORKDIR',
  'FROM BASE\nWORKDIR /w\nCOPY a.txt .\nCOPY b.txt ./\nCOPY c.md sub/\nCOPY a.txt ../out',
);
row('COPY below the base WORKDIR', 'FROM BASE\nCOPY a.txt rel');
row('COPY a folder to a new one', 'FROM BASE\nCOPY dir /new');
row('COPY a folder to a new one with a slash', 'FROM BASE\nCOPY dir/ /new/');
row('COPY a folder into one that is there', 'FROM BASE\nCOPY dir /folder');
row('COPY folders over each other', 'FROM BASE\nCOPY dir other /both/');
row('COPY a folder to the root', 'FROM BASE\nCOPY rootfs/ /');
row('COPY everything', 'FROM BASE\nCOPY . /all', {
  otherFiles: { why: 'the Dockerfile names the registry by its port', paths: ['all/Dockerfile'] },
});
row('COPY with .dockerignore', 'FROM BASE\nCOPY . /all/', {
  files: { ...usualFiles, '.dockerignore': '*.txt\n!b.txt\ndir/*\n!dir/sub\nDockerfile\n' },
});
row('COPY a link to a file', 'FROM BASE\nCOPY link /copied');
row('COPY a link to a folder', 'FROM BASE\nCOPY to-dir /copied/');
row('COPY what lies behind a link', 'FROM BASE\nCOPY to-dir/one /copied/');
row('COPY with a star', 'FROM BASE\nCOPY *.txt /stars/');
row('COPY with a star on folders', 'FROM BASE\nCOPY dir/* /stars/');
row('COPY with a star in the middle', 'FROM BASE\nCOPY */one /stars/');
row('COPY with a question mark and a class', 'FROM BASE\nCOPY ?.txt [c-d].md /q/');
row('COPY with an escaped bracket', 'FROM BASE\nCOPY "[[]odd].txt" /odd/', {});
row('COPY in JSON form', 'FROM BASE\nCOPY ["with space.txt", "a.txt", "/sp ace/"]');
row('COPY with variables', 'FROM BASE\nENV F=a D=/vars\nCOPY ${F}.txt $D/');
row('COPY out of the context is taken from its root', 'FROM BASE\nCOPY ../../a.txt /x/\nCOPY /b.txt /y/');
row('COPY keeps modes', 'FROM BASE\nCOPY secret program dir/two empty-file /modes/');
row('COPY --chown with names', 'FROM BASE\nCOPY --chown=app:staff dir /owned/x');
row('COPY --chown with a user alone', 'FROM BASE\nCOPY --chown=nogroup a.txt /owned/');
row(
  'COPY --chown with numbers',
  'FROM BASE\nCOPY --chown=12:34 a.txt /n1/\nCOPY --chown=56 a.txt /n2/\nCOPY --chown=app:77 a.txt /n3/',
);
row(
  'COPY --chown with names that nobody has',
  'FROM BASE\nCOPY --chown=nobody:none a.txt /x/\nCOPY --chown=app:none a.txt /y/\nCOPY --chown=nobody:5 a.txt /z/',
);
row('COPY --chown with a variable', 'FROM BASE\nARG WHO=app\nCOPY --chown=$WHO a.txt /v/');
row('COPY --chown over a folder that is there', 'FROM BASE\nCOPY --chown=app dir /folder/inner');
row('COPY --chmod', 'FROM BASE\nCOPY --chmod=640 a.txt program dir /modes/', {
  otherFiles: { why: 'dockerd 20.10 keeps set-user-id, later ones do not', paths: ['modes/program'] },
});
row('COPY --chmod on one file', 'FROM BASE\nCOPY --chmod=0755 secret /bin/secret');
row(
  'COPY --from a stage',
  'FROM BASE AS one\nCOPY --chown=app dir /made\nFROM BASE\nCOPY --from=one /made /got\nCOPY --from=0 /made/one /opt/tool /solo/',
);
row('COPY --from keeps owners and links', 'FROM BASE\nFROM scratch\nCOPY --from=0 /opt /var /all/');
row('COPY --from an image', 'FROM scratch\nCOPY --from=BASE /etc/passwd /lib/libc.so /got/');
row(
  'COPY --from through links',
  'FROM scratch\nCOPY --from=BASE /var/abs/a.txt /var/file /var/out/tool /got/',
);
row('COPY --from with a star', 'FROM scratch\nCOPY --from=BASE /var/[af]* /star/');
row('COPY --from with a chown', 'FROM BASE\nCOPY --from=BASE --chown=app:app /opt /mine');
row('ADD a plain file', 'FROM BASE\nADD a.txt /added/');
row('ADD a tar', 'FROM BASE\nADD archive.tar /un/packed');
row('ADD a compressed tar', 'FROM BASE\nADD archive.tar.gz /un/');
row('ADD a tar into the root', 'FROM BASE\nADD archive.tar.gz /');
row('ADD what only looks like a tar', 'FROM BASE\nADD not-archive.tar.gz /added/');
row('ADD a folder', 'FROM BASE\nADD dir /added');
row('ADD tars by a star', 'FROM BASE\nADD archive.* a.txt /mixed/');
row('ADD --chown of a tar', 'FROM BASE\nADD --chown=app archive.tar /owned/');
row('ADD a URL to a folder', 'FROM BASE\nADD URL/file.txt /got/');
row('ADD a URL to a name', 'FROM BASE\nADD URL/file.txt /got/name');
row('ADD a URL with --chown', 'FROM BASE\nADD --chown=app:app URL/file.txt /got/');
row('ADD a URL of an archive', 'FROM BASE\nADD URL/archive.tar.gz /got/');
row('ADD a URL through a redirect', 'FROM BASE\nADD URL/moved /got/');
row('COPY a heredoc', 'FROM BASE\nENV V=value\nCOPY <<EOF /here/file\nhi $V "quoted" \\$V\nEOF\n', {
  otherHistory: 'a heredoc is lowered to a file for the old frontend',
});
row('COPY heredocs into a folder', "FROM BASE\nCOPY <<one <<'two' a.txt /here/\n1 $A\none\n2 $A\ntwo\n", {
  otherHistory: 'a heredoc is lowered to a file for the old frontend',
});
row('a file between upper and lower case', 'from BASE\ncopy a.txt /x\nenv A=1');
row('continuations and comments', 'FROM BASE\nENV A=1 \\\n  # a comment\n  B=2 \\\n\n  C=3\nLABEL x="y"');
row('the backquote as escape', '# escape=`\nFROM BASE\nENV A=a`\n  B=c\\d\nCOPY a.txt `\n  /x');
row('files replace and are replaced', 'FROM BASE\nCOPY a.txt /x\nCOPY b.txt /x\nCOPY dir /y\nCOPY other /y');
row('a syntax line', '# syntax=docker/dockerfile:1\nFROM BASE\nENV A=syntax', {
  otherHistory: 'the frontend of the syntax line may be newer',
});

/** Dockerfiles that both engines build to the same. */
export const embeddedRows: readonly EmbeddedRow[] = rows;

/** Dockerfiles that both engines refuse, and what the embedded one says. */
export const refusedRows: readonly (readonly [string, RegExp])[] = [
  ['FROM BASE\nCOPY not-there /x', /line 2.*not-there/],
  ['FROM BASE\nCOPY a.txt not-there /x/', /line 2.*not-there/],
  ['FROM BASE\nCOPY broken /x', /line 2.*broken/],
  ['FROM scratch\nCOPY --from=BASE /var/* /star/', /line 2.*dangling/],
  ['FROM BASE\nCOPY --from=BASE /nothing /x', /line 2.*nothing/],
  ['FROM BASE\nCOPY a.txt /srv/old/under', /line 2.*srv\/old/],
  ['FROM BASE\nCOPY dir /srv/old', /line 2.*srv\/old/],
  ['FROM BASE\nWORKDIR /srv/old', /line 2.*srv\/old/],
  ['FROM BASE\nADD URL/missing /x', /line 2.*404/],
  ['FROM BASE\nSTOPSIGNAL SIGNONSENSE', /line 2.*SIGNONSENSE/],
  ['FROM BASE\nEXPOSE 99999', /99999/],
  ['FROM BASE\nENV A="${B:?must be there}"', /must be there/],
  ['FROM BASE\nCOPY other/x /opt/tool', /line 2.*opt\/tool/],
];
