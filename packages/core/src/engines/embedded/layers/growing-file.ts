import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import type { Descriptor, GrowingBlob } from '@mabuild/oci';

/** Bytes that are read at a time. */
const readLength = 512 * 1024;

/** A blob whose file is still being written. */
export interface GrowingFile {
  readonly blob: GrowingBlob;
  /** Says how many bytes of it are written. */
  grew(size: number): void;
  /** Says that it is whole, and where it lies now. */
  end(descriptor: Descriptor, file: string): void;
  /** Says that nothing comes of it. */
  fail(error: unknown): void;
}

/** @param temporary where the file lies until it is whole */
export function growingFile(temporary: string): GrowingFile {
  let path = temporary;
  let written = 0;
  let state: 'growing' | 'whole' | { readonly error: unknown } = 'growing';
  let wake = (): void => {};
  let more = new Promise<void>((resolve) => {
    wake = resolve;
  });
  const tell = (): void => {
    wake();
    more = new Promise((resolve) => {
      wake = resolve;
    });
  };
  let finish: (descriptor: Descriptor) => void = () => {};
  let fail: (error: unknown) => void = () => {};
  const finished = new Promise<Descriptor>((resolve, reject) => {
    [finish, fail] = [resolve, reject];
  });
  // Nobody has to follow it.
  finished.catch(() => {});
  const bytes = async function* (): AsyncGenerator<Buffer> {
    const file = await open(path, 'r');
    try {
      for (let at = 0; ; ) {
        while (at === written && state === 'growing') await more;
        if (typeof state === 'object') throw state.error;
        if (at === written) return;
        const length = Math.min(readLength, written - at);
        const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(length), 0, length, at);
        if (bytesRead === 0) throw new Error(`${path} ends before its end`);
        at += bytesRead;
        yield buffer.subarray(0, bytesRead);
      }
    } finally {
      await file.close();
    }
  };
  return {
    blob: {
      open: async () => Readable.from(bytes(), { objectMode: false, highWaterMark: readLength }),
      finished,
    },
    grew(size) {
      written = size;
      tell();
    },
    end(descriptor, file) {
      path = file;
      written = descriptor.size;
      state = 'whole';
      finish(descriptor);
      tell();
    },
    fail(error) {
      state = { error };
      fail(error);
      tell();
    },
  };
}
