import type { ContextFile } from '../embedded-builds.ts';
import { usualFiles } from './context.ts';
import type { Row, RowDetails } from './row.ts';

const files = {
  'a.txt': 'a',
  'b.txt': 'b',
  'c.md': 'c',
  'dir/a.txt': 'da',
  'dir/sub/b.txt': 'db',
  'dir/sub/deep/c.txt': 'dc',
  'other/keep.txt': 'k',
  '.hidden/x': 'x',
} as const;

const ignoring = (text: string, more: Readonly<Record<string, ContextFile>> = {}): RowDetails => ({
  files: { ...files, ...more, '.dockerignore': text },
});
const all = 'FROM scratch\nCOPY . /';

export const ignoreRows: readonly Row[] = [
  [
    'names and exceptions',
    'FROM BASE\nCOPY . /all/',
    { files: { ...usualFiles, '.dockerignore': '*.txt\n!b.txt\ndir/*\n!dir/sub\nDockerfile\n' } },
  ],
  ['a folder', all, ignoring('dir\n')],
  ['a folder with a slash', all, ignoring('dir/\n')],
  ['a name with a slash before it', all, ignoring('/dir\n/a.txt\n')],
  ['a star reaches no deeper', all, ignoring('*.txt\n')],
  ['a star for one folder', all, ignoring('*/*.txt\n')],
  ['two stars reach everywhere', all, ignoring('**/*.txt\n')],
  ['two stars in the middle', all, ignoring('dir/**/c.txt\n')],
  ['two stars at the end', all, ignoring('dir/**\n')],
  ['everything but a file', all, ignoring('*\n!a.txt\n')],
  ['everything but what lies deep', all, ignoring('**\n!dir/sub/deep\n')],
  ['an exception from an exception', all, ignoring('dir\n!dir/sub\ndir/sub/deep\n')],
  ['the last line wins', all, ignoring('!a.txt\na.txt\n')],
  ['a question mark and a class for names', all, ignoring('?.md\n[a-a].txt\n')],
  ['comments, blanks and empty lines', all, ignoring('# a.txt\n\n  b.txt  \n\t\n')],
  ['lines of Windows', all, ignoring('a.txt\r\ndir\r\n')],
  ['a byte order mark', all, ignoring('\uFEFFa.txt\n')],
  ['dots in paths', all, ignoring('./a.txt\ndir/../b.txt\n')],
  ['above the root', all, ignoring('../a.txt\n')],
  ['hidden files', all, ignoring('.*\n')],
  ['the Dockerfile itself', all, ignoring('Dockerfile\n.dockerignore\n')],
  ['an escaped star', all, ignoring('a\\*.txt\n', { 'a*.txt': 'star' })],
  ['Dockerfile.dockerignore wins', all, ignoring('a.txt\n', { 'Dockerfile.dockerignore': 'b.txt\n' })],
  [
    'what is left out cannot be copied',
    'FROM scratch\nCOPY a.txt /',
    { ...ignoring('a.txt\n'), refused: /line 2.*a\.txt/ },
  ],
  [
    'a pattern that is none in .dockerignore',
    all,
    { ...ignoring('a[\n'), refused: /a\[|dockerignore|syntax/ },
  ],
];
