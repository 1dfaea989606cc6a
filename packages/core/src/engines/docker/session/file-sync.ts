import { contentOf } from '../../../context/archive.ts';
import type { ContextEntry } from '../../../context/context.ts';
import { parseDockerignore } from '../../../context/ignore.ts';
import { createLimit } from '../../../limit.ts';
import { followPaths } from './followed-paths.ts';
import { type GrpcCall, GrpcError, type GrpcHandler, grpcStatus } from './grpc.ts';
import { bytesField, numberOf, readFields, textOf, varintField } from './protobuf.ts';
import type { SharedFolder } from './shared-folder.ts';

/** Types of fsutil's Packet. */
const packet = { stat: 0, request: 1, data: 2, finish: 3, error: 4 } as const;

/** Bits of Go's FileMode, which is not st_mode. */
const goDirectory = 0x80000000;
const goSymlink = 0x08000000;

const bytesPerWrite = 64 * 1024;
/** Largest content of one packet, as fsutil sends it. */
const bytesPerPacket = 32 * 1024;
const filesAtOnce = 4;

/** What crossed; a context that an engine knows already costs nothing but names. */
export interface SyncStats {
  files: number;
  /** Bytes of content. */
  bytes: number;
}

/**
 * Sends folders to BuildKit as fsutil does: names and sizes of everything that was asked for, then the content that the
 * receiver lacks.
 *
 * @param onFailure told when a folder cannot be read: BuildKit would say only that a call failed
 */
export function fileSync(
  folders: ReadonlyMap<string, SharedFolder>,
  stats: SyncStats,
  onFailure: (error: unknown) => void,
): GrpcHandler {
  const watched = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      if (!(error instanceof GrpcError)) onFailure(error);
      throw error;
    }
  };
  return async (call) => {
    const name = listHeader(call, 'dir-name')[0] ?? '';
    const folder = folders.get(name);
    if (!folder) throw new GrpcError(grpcStatus.notFound, `no folder ${JSON.stringify(name)} is shared`);
    const entries = chosenEntries(await watched(folder.entries()), call);
    const limit = createLimit(filesAtOnce);
    const sending = new FirstFailure();
    // Requests come while names are still being sent.
    sending.add(sendNames(entries, call));
    const messages = call.messages();
    for (;;) {
      // The receiver waits for a file that cannot be read, so the failure must end the call.
      const { done, value } = await sending.orBefore(messages.next());
      if (done) throw new GrpcError(grpcStatus.internal, 'BuildKit left before it had taken the files');
      const { type, id, data } = readPacket(value);
      if (type === packet.request) {
        const entry = entries[id];
        if (!entry) throw new GrpcError(grpcStatus.internal, `there is no file ${id}`);
        sending.add(limit(() => watched(sendFile(entry, id, folder, call, stats))));
      } else if (type === packet.finish) {
        await sending.all();
        await call.send(varintField(1, packet.finish));
        return;
      } else if (type === packet.error) {
        throw new GrpcError(grpcStatus.internal, `BuildKit could not take the files: ${data}`);
      }
    }
  };
}

/** Work that goes on beside a loop; the first of it to fail is told at once. */
class FirstFailure {
  readonly #works: Promise<void>[] = [];
  readonly #failed: Promise<never>;
  #fail: (error: unknown) => void = () => {};

  constructor() {
    this.#failed = new Promise((_, reject) => {
      this.#fail = reject;
    });
    this.#failed.catch(() => {});
  }

  add(work: Promise<void>): void {
    work.catch(this.#fail);
    this.#works.push(work);
  }

  /** What `next` gives, unless something fails before. */
  orBefore<T>(next: Promise<T>): Promise<T> {
    return Promise.race([this.#failed, next]);
  }

  async all(): Promise<void> {
    await Promise.all(this.#works);
  }
}

function chosenEntries(entries: readonly ContextEntry[], call: GrpcCall): readonly ContextEntry[] {
  const paths = [...listHeader(call, 'followpaths'), ...listHeader(call, 'include-patterns')];
  const isWanted = followPaths(entries, paths);
  const excluded = listHeader(call, 'exclude-patterns');
  const rules =
    excluded.length === 0 ? undefined : parseDockerignore(excluded.join('\n'), 'exclude-patterns');
  return entries.filter(({ path }) => isWanted(path) && !rules?.ignores(path));
}

/** Values that a header cannot hold are written as in a query, which a header of their own says. */
function listHeader(call: GrpcCall, name: string): readonly string[] {
  const values = call.values(name);
  if (call.values(`${name}-encoded`)[0] !== '1') return values;
  try {
    return values.map((value) => decodeURIComponent(value.replaceAll('+', ' ')));
  } catch {
    throw new GrpcError(grpcStatus.internal, `the header ${name} cannot be decoded`);
  }
}

async function sendNames(entries: readonly ContextEntry[], call: GrpcCall): Promise<void> {
  let batch: Buffer[] = [];
  let size = 0;
  for (const entry of entries) {
    const message = bytesField(2, statOf(entry));
    batch.push(message);
    size += message.length;
    if (size < bytesPerWrite) continue;
    await call.send(...batch);
    batch = [];
    size = 0;
  }
  // An empty Packet says that the walk is over.
  await call.send(...batch, Buffer.alloc(0));
}

/** fsutil's Stat; user and group are root, as docker sends them. */
function statOf(entry: ContextEntry): Buffer {
  const kind = entry.type === 'directory' ? goDirectory : entry.type === 'symlink' ? goSymlink : 0;
  const permissions = entry.type === 'symlink' ? 0o777 : goPermissions(entry.mode);
  return Buffer.concat([
    bytesField(1, entry.path),
    varintField(2, kind + permissions),
    varintField(5, entry.type === 'symlink' ? Buffer.byteLength(entry.linkname ?? '') : entry.size),
    varintField(6, BigInt(Math.round(entry.mtimeMs)) * 1_000_000n),
    bytesField(7, entry.linkname ?? ''),
  ]);
}

/** Set-user-id, set-group-id and sticky lie elsewhere in Go's FileMode. */
function goPermissions(mode: number): number {
  const special =
    (mode & 0o4000 ? 0x800000 : 0) + (mode & 0o2000 ? 0x400000 : 0) + (mode & 0o1000 ? 0x100000 : 0);
  return (mode & 0o777) + special;
}

async function sendFile(
  entry: ContextEntry,
  id: number,
  folder: SharedFolder,
  call: GrpcCall,
  stats: SyncStats,
): Promise<void> {
  const head = Buffer.concat([varintField(1, packet.data), varintField(3, id)]);
  for await (const chunk of contentOf(entry, (path) => folder.open(path))) {
    const packets: Buffer[] = [];
    for (let at = 0; at < chunk.length; at += bytesPerPacket) {
      packets.push(Buffer.concat([head, bytesField(4, chunk.subarray(at, at + bytesPerPacket))]));
    }
    stats.bytes += chunk.length;
    await call.send(...packets);
  }
  stats.files += 1;
  // Empty data ends the file.
  await call.send(head);
}

function readPacket(message: Buffer): { type: number; id: number; data: string } {
  let type = 0;
  let id = 0;
  let data = '';
  for (const field of readFields(message)) {
    if (field.number === 1) type = numberOf(field);
    if (field.number === 3) id = numberOf(field);
    if (field.number === 4) data = textOf(field);
  }
  return { type, id, data };
}
