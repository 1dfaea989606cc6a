import { type CallEnd, field, fieldsOf, type GrpcPeer, type PeerCall } from './grpc-peer.ts';

/** What fsutil's Stat says of one path. */
export interface ReceivedEntry {
  readonly path: string;
  /** Go's FileMode. */
  readonly mode: number;
  readonly size: number;
  readonly linkname: string;
}

export interface Received {
  readonly entries: readonly ReceivedEntry[];
  /** Content by path, of what was asked for. */
  readonly contents: Readonly<Record<string, string>>;
  readonly end: CallEnd;
}

const request = 1;
const finish = 3;

/** Plays BuildKit's receiver of files: takes all names, asks for the files that `wants` picks, and says when it is done. */
export async function receiveFiles(
  peer: GrpcPeer,
  headers: Readonly<Record<string, string | string[]>>,
  wants: (entry: ReceivedEntry) => boolean = (entry) => entry.mode < 0x1000,
): Promise<Received> {
  const call = openSync(peer, headers);
  const entries: ReceivedEntry[] = [];
  const contents = new Map<number, string>();
  const asked = new Set<number>();
  let isNamed = false;
  let isFinished = false;
  const finishWhenDone = (): void => {
    if (!isNamed || asked.size > 0 || isFinished) return;
    isFinished = true;
    call.send(field(1, finish));
  };
  for (let message = await call.next(); message; message = await call.next()) {
    const packet = fieldsOf(message);
    const type = packet.get(1) ?? 0;
    const id = Number(packet.get(3) ?? 0);
    if (type === finish) call.end();
    else if (type === 2) {
      const data = packet.get(4);
      if (data === undefined) asked.delete(id);
      contents.set(id, (contents.get(id) ?? '') + (data ?? '').toString());
    } else if (packet.has(2)) {
      const entry = entryOf(packet.get(2) as Buffer);
      entries.push(entry);
      if (wants(entry)) {
        asked.add(entries.length - 1);
        call.send(Buffer.concat([field(1, request), field(3, entries.length - 1)]));
      }
    } else isNamed = true;
    finishWhenDone();
  }
  const byPath = [...contents].map(([id, content]) => [entries[id]?.path, content]);
  return { entries, contents: Object.fromEntries(byPath), end: await call.ended };
}

/** Begins a DiffCopy and leaves the rest to the caller. */
export function openSync(peer: GrpcPeer, headers: Readonly<Record<string, string | string[]>>): PeerCall {
  return peer.call('/moby.filesync.v1.FileSync/DiffCopy', headers);
}

function entryOf(stat: Buffer): ReceivedEntry {
  const fields = fieldsOf(stat);
  return {
    path: String(fields.get(1)),
    mode: Number(fields.get(2)),
    size: Number(fields.get(5) ?? 0),
    linkname: String(fields.get(7) ?? ''),
  };
}
