import { numberOf, readFields, textOf, type WireField } from './session/protobuf.ts';

/** A step as BuildKit sees it. */
export interface Vertex {
  readonly digest: string;
  readonly name: string;
  readonly cached: boolean;
  /** Milliseconds since the epoch; `undefined` before. */
  readonly started: number | undefined;
  readonly completed: number | undefined;
  readonly error: string;
}

/** moby.buildkit.v1.StatusResponse, what is used of it. */
export interface SolveStatus {
  readonly vertexes: readonly Vertex[];
  readonly statuses: readonly {
    readonly id: string;
    readonly vertex: string;
    readonly current: number;
    readonly total: number;
  }[];
  readonly logs: readonly { readonly vertex: string; readonly stream: number; readonly message: Buffer }[];
  readonly warnings: readonly { readonly vertex: string; readonly text: string }[];
}

/** Reads one `moby.buildkit.trace` message. @throws MabuildError `ENGINE_ANSWER_INVALID` */
export function readSolveStatus(bytes: Buffer): SolveStatus {
  const vertexes: Vertex[] = [];
  const statuses: SolveStatus['statuses'][number][] = [];
  const logs: SolveStatus['logs'][number][] = [];
  const warnings: SolveStatus['warnings'][number][] = [];
  for (const field of readFields(bytes)) {
    // Of what a newer BuildKit adds nothing is known, not even that it is a message.
    if (field.kind !== 'bytes' || field.number > 4) continue;
    const fields = byNumber(field.value);
    if (field.number === 1) vertexes.push(vertexOf(fields));
    if (field.number === 2) {
      const current = number(fields, 4);
      statuses.push({ id: text(fields, 1), vertex: text(fields, 2), current, total: number(fields, 5) });
    }
    if (field.number === 3)
      logs.push({ vertex: text(fields, 1), stream: number(fields, 3), message: data(fields, 4) });
    if (field.number === 4) warnings.push({ vertex: text(fields, 1), text: text(fields, 3) });
  }
  return { vertexes, statuses, logs, warnings };
}

function vertexOf(fields: Fields): Vertex {
  return {
    digest: text(fields, 1),
    name: text(fields, 3),
    cached: number(fields, 4) !== 0,
    started: time(fields.get(5)),
    completed: time(fields.get(6)),
    error: text(fields, 7),
  };
}

type Fields = ReadonlyMap<number, WireField>;

function byNumber(bytes: Buffer): Fields {
  return new Map([...readFields(bytes)].map((field) => [field.number, field]));
}

function text(fields: Fields, at: number): string {
  const field = fields.get(at);
  return field ? textOf(field) : '';
}

function number(fields: Fields, at: number): number {
  const field = fields.get(at);
  return field ? numberOf(field) : 0;
}

function data(fields: Fields, at: number): Buffer {
  const field = fields.get(at);
  return field?.kind === 'bytes' ? field.value : Buffer.alloc(0);
}

/** google.protobuf.Timestamp. */
function time(field: WireField | undefined): number | undefined {
  if (field?.kind !== 'bytes') return undefined;
  const parts = byNumber(field.value);
  return number(parts, 1) * 1000 + number(parts, 2) / 1e6;
}
