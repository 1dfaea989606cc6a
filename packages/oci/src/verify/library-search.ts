import { libraryTriples } from '../elf/machine.ts';
import type { Platform } from '../platform.ts';
import type { ImageFile, ImageFiles } from './image-files.ts';

/** Where loaders look when nothing tells them otherwise. */
const defaultFolders = ['/lib', '/usr/lib', '/lib64', '/usr/lib64', '/usr/local/lib', '/usr/local/lib64'];

type ElfImageFile = ImageFile & { readonly kind: 'elf' };

/**
 * The files that a program's loader would try for a needed library, in its order.
 *
 * @param environment the config's variables, for `LD_LIBRARY_PATH`.
 */
export function librarySearch(
  name: string,
  program: ElfImageFile,
  files: ImageFiles,
  platform: Platform,
  environment: ReadonlyMap<string, string>,
): ElfImageFile[] {
  const elfAt = (path: string): ElfImageFile[] => {
    const file = files.find(path);
    return file?.kind === 'elf' ? [file] : [];
  };
  if (name.includes('/')) {
    return elfAt(name);
  }
  const triples = libraryTriples(platform);
  const origin = `/${program.path.slice(0, Math.max(0, program.path.lastIndexOf('/')))}`;
  const ownFolders = [
    ...(program.file.runPath ?? []),
    ...(environment.get('LD_LIBRARY_PATH') ?? '').split(':'),
  ]
    .map((folder) =>
      folder.replaceAll(/\$ORIGIN|\$\{ORIGIN\}/g, origin).replaceAll(/\$LIB|\$\{LIB\}/g, 'lib'),
    )
    .filter((folder) => folder.startsWith('/'));
  const tripleFolders = triples.flatMap((triple) => [
    `/lib/${triple}`,
    `/usr/lib/${triple}`,
    `/usr/local/lib/${triple}`,
  ]);
  const folders = new Set([
    ...ownFolders,
    ...configuredFolders(files, triples),
    ...tripleFolders,
    ...defaultFolders,
  ]);
  return [...folders].flatMap((folder) => elfAt(`${folder}/${name}`));
}

/** Folders of `/etc/ld.so.conf` and its like; files that Debian names after another machine are not for this one. */
function configuredFolders(files: ImageFiles, triples: readonly string[]): string[] {
  return [...files.loaderPaths].flatMap(([path, text]) => {
    const triple = /\/((?:[a-z0-9_]+)-linux-gnu[a-z0-9]*)\.conf$/.exec(path)?.[1];
    if (triple !== undefined && !triples.includes(triple)) {
      return [];
    }
    return text.split(/[\n:]/).flatMap((line) => {
      const folder = line.replace(/#.*/, '').trim();
      return folder.startsWith('/') ? [folder] : [];
    });
  });
}
