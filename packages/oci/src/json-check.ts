import { MabuildError } from './error.ts';

/** A JSON object whose fields nobody has looked at yet. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Where in which document a value stands, for errors such as `manifests[2].digest is …`. */
export interface JsonPlace {
  /** e.g. `image index of registry.example/app:1`. */
  readonly document: string;
  /** Code of the errors. */
  readonly code: string;
  /** e.g. `manifests[2]`; empty for the document itself. */
  readonly path: string;
}

/** The place of a field or an item under `place`. */
export function at(place: JsonPlace, key: string | number): JsonPlace {
  const step = typeof key === 'number' ? `[${key}]` : place.path === '' ? key : `.${key}`;
  return { ...place, path: place.path + step };
}

/** Makes the error that says what is wrong at a place. */
export function wrong(place: JsonPlace, message: string, hint?: string): MabuildError {
  const where = place.path === '' ? '' : `${place.path} `;
  return new MabuildError(`reading ${place.document}: ${where}${message}`, { code: place.code, hint });
}

/**
 * Reads JSON text or bytes of at most `limit` bytes; anything else is taken for JSON that was parsed before.
 */
export function parseJson(input: unknown, place: JsonPlace, limit: number): unknown {
  if (typeof input !== 'string' && !(input instanceof Uint8Array)) {
    return input;
  }
  const size = typeof input === 'string' ? Buffer.byteLength(input) : input.byteLength;
  if (size > limit) {
    throw wrong(place, `it has ${size} bytes, more than the ${limit} that are read`);
  }
  try {
    const text = typeof input === 'string' ? input : new TextDecoder('utf-8', { fatal: true }).decode(input);
    return JSON.parse(text);
  } catch {
    throw wrong(place, 'it is not JSON');
  }
}

/** @returns the value when it is a JSON object. */
export function object(value: unknown, place: JsonPlace): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw wrong(place, `is ${kindOf(value)}, expected an object`);
  }
  return value as JsonObject;
}

/** @returns the value when it is an array. */
export function array(value: unknown, place: JsonPlace): readonly unknown[] {
  if (!Array.isArray(value)) {
    throw wrong(place, `is ${kindOf(value)}, expected an array`);
  }
  return value;
}

/** @returns the value when it is a string. */
export function string(value: unknown, place: JsonPlace): string {
  if (typeof value !== 'string') {
    throw wrong(place, `is ${kindOf(value)}, expected a string`);
  }
  return value;
}

/** @returns the value when it is an array of strings. */
export function strings(value: unknown, place: JsonPlace): readonly string[] {
  return array(value, place).map((item, index) => string(item, at(place, index)));
}

/** @returns the value when it is an object whose values are strings. */
export function stringMap(value: unknown, place: JsonPlace): Readonly<Record<string, string>> {
  const map = object(value, place);
  for (const [key, item] of Object.entries(map)) {
    string(item, at(place, key));
  }
  return map as Readonly<Record<string, string>>;
}

/** @returns a copy without fields that are null: to the Go programs that write these documents, null means absent. */
export function withoutNulls(value: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== null));
}

function kindOf(value: unknown): string {
  if (value === undefined) {
    return 'missing';
  }
  if (value === null) {
    return 'null';
  }
  if (Array.isArray(value)) {
    return 'an array';
  }
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
