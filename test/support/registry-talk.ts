import { digestOf, mediaTypes } from '@mabuild/oci';
import { startTestRegistry, type TestRegistry, type TestRegistryOptions } from '@mabuild/registry/testing';
import { expect } from 'chai';
import { type AskOptions, ask, type Told } from './http-ask.ts';

/** A way to talk to one repository of a registry. */
export interface Talk {
  readonly registry: TestRegistry;
  /** Asks below `/v2/app/`, or at an address that the registry gave. */
  ask(method: string, target: string, options?: AskOptions): Promise<Told>;
  /** The address of an upload just begun. */
  begin(): Promise<string>;
}

/** What a registry with these options does. */
export type TalkRow = readonly [
  name: string,
  options: TestRegistryOptions,
  probe: (talk: Talk) => Promise<unknown>,
  expected: unknown,
];

export const typed: Readonly<Record<string, string>> = { 'content-type': mediaTypes.ociManifest };
export const errorCode = ({ text }: Told): unknown => JSON.parse(text).errors[0].code;

export function manifestOf(fields: Record<string, unknown>): Buffer {
  return Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociManifest, ...fields }));
}

/** Sends a blob in chunks of the given sizes, an empty PUT at the end. @returns the statuses. */
export async function inChunks(
  { ask, begin }: Talk,
  sizes: readonly number[],
  ranges = true,
): Promise<number[]> {
  const bytes = Buffer.alloc(
    sizes.reduce((sum, size) => sum + size, 0),
    'x',
  );
  const statuses: number[] = [];
  let location = await begin();
  let at = 0;
  for (const size of sizes) {
    const { status, headers } = await ask('PATCH', location, {
      body: bytes.subarray(at, at + size),
      headers: ranges ? { 'content-range': `${at}-${at + size - 1}` } : {},
    });
    statuses.push(status);
    if (status > 299) return statuses;
    location = headers.location ?? '';
    at += size;
  }
  statuses.push((await ask('PUT', `${location}&digest=${digestOf(bytes)}`)).status);
  return statuses;
}

export async function monolithic({ ask, begin }: Talk, size: number): Promise<number> {
  const body = Buffer.alloc(size, 'y');
  return (await ask('PUT', `${await begin()}&digest=${digestOf(body)}`, { body })).status;
}

/** Makes a test of every row. */
export function talkTests(rows: readonly TalkRow[]): void {
  for (const [name, options, probe, expected] of rows) {
    it(name, async () => {
      const registry = await startTestRegistry(options);
      const base = `${registry.url}/v2/app/`;
      const send: Talk['ask'] = (method, target, asked) => ask(method, new URL(target, base).href, asked);
      const begin = async () => (await send('POST', 'blobs/uploads/')).headers.location ?? '';
      try {
        expect(await probe({ registry, ask: send, begin })).to.deep.equal(expected);
      } finally {
        await registry.close();
      }
    });
  }
}
