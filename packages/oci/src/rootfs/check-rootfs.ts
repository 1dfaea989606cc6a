import { MabuildError } from '../error.ts';
import { safeEntryPath } from '../tar/tar-path.ts';
import { readTarRecords, type TarRecord } from '../tar/tar-records.ts';

/** More than any system has: a tar that goes on and on is none. */
const mostMembers = 2_000_000;
const regular: ReadonlySet<string> = new Set(['0', '7']);
/** Hard and symbolic link, folder, fifo. */
const harmless: ReadonlySet<string> = new Set(['1', '2', '5', '6']);
const device: ReadonlySet<string> = new Set(['3', '4']);

/**
 * Lets the tar of a root filesystem through, byte for byte, and fails where it could not be a base image.
 *
 * Refused are paths and hard links that lead out of it, devices outside of `/dev` (that every engine puts its own over),
 * whiteouts, members that engines do not unpack, paths that come twice, images that somebody saved, and an archive
 * without any file.
 * @throws MabuildError `INVALID_TAR`, `UNSAFE_PATH`, `ROOTFS_INVALID`
 */
export async function* checkRootfs(tar: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const paths = new Set<string>();
  let files = 0;
  for await (const record of readTarRecords(tar)) {
    if ('trailer' in record) {
      if (files === 0)
        throw invalid('it holds no files', 'pack the folder again: tar -C FOLDER -c . > rootfs.tar');
      yield* record.trailer;
      return;
    }
    const path = checkMember(record);
    if (paths.has(path)) {
      throw invalid(
        `it holds /${path} twice, which Docker refuses`,
        'unpack it into an empty folder and pack that: tar -C FOLDER -c . > rootfs.tar',
      );
    }
    paths.add(path);
    if (paths.size > mostMembers) throw invalid(`it has more than ${mostMembers} members`);
    if (record.type !== '5') files += 1;
    yield record.header;
    yield* record.body();
  }
}

function checkMember(record: TarRecord): string {
  const { type, name, linkname } = record;
  // A leading slash means the root of the image: engines unpack below it.
  const path = safeEntryPath(name.replace(/^\/+/, ''));
  const base = path.slice(path.lastIndexOf('/') + 1);
  if (base.startsWith('.wh.')) {
    throw invalid(
      `${path} deletes a file of a layer below`,
      'this is a layer of an image; a root filesystem is what `docker export` gives',
    );
  }
  if (regular.has(type)) {
    if (path === 'oci-layout' || path === 'manifest.json') {
      throw invalid(
        `${path} says that it is an image that was saved`,
        'copy it with `mabuild copy oci-archive:FILE REF` or `mabuild copy docker-archive:FILE REF`',
      );
    }
  } else if (type === '1') {
    safeEntryPath(linkname.replace(/^\/+/, ''));
  } else if (device.has(type)) {
    if (!path.startsWith('dev/')) {
      throw invalid(`/${path} is a device outside of /dev`, 'leave it out: tar --exclude');
    }
  } else if (type === 'S') {
    throw invalid(`/${path} is packed as a sparse file, which engines refuse`, 'pack it without --sparse');
  } else if (!harmless.has(type)) {
    throw invalid(
      `${JSON.stringify(path)} is of type ${JSON.stringify(type)}, which engines refuse`,
      'pack it again: tar --format=pax',
    );
  }
  return path;
}

function invalid(why: string, hint?: string): MabuildError {
  return new MabuildError(`reading a root filesystem: ${why}`, { code: 'ROOTFS_INVALID', hint });
}
