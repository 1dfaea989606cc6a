import type { ElfBytes } from './elf-bytes.ts';
import { elfDynamicRange } from './elf-header.ts';

/** Keeps of an ELF file that streams by what {@link parseElf} wants to see. */
export interface ElfCapture {
  write(chunk: Buffer): void;
  bytes(): ElfBytes;
}

/** Files up to this many bytes are kept whole. */
const wholeFile = 4 * 1024 * 1024;
/** Of greater ones: the beginning (headers, names of libraries) and the end (section table). */
const keptHead = 2 * 1024 * 1024;
const keptTail = 512 * 1024;
/** The segment and section tables refer to these, wherever they are. */
const longestDynamic = 256 * 1024;
const attributesBefore = 64;
const attributesAfter = 4096;

interface Piece {
  readonly offset: number;
  readonly data: Buffer;
}

/** @param size bytes of the whole file. */
export function captureElf(size: number): ElfCapture {
  const pieces: Piece[] = [];
  let at = 0;
  let dynamic: { readonly offset: number; readonly size: number } | undefined;
  let looked = false;

  const keep = (chunk: Buffer, from: number, to: number): void => {
    const [start, end] = [Math.max(from, at), Math.min(to, at + chunk.length)];
    if (start < end) {
      pieces.push({ offset: start, data: Buffer.from(chunk.subarray(start - at, end - at)) });
    }
  };

  return {
    write(chunk) {
      if (size <= wholeFile) {
        pieces.push({ offset: at, data: chunk });
        at += chunk.length;
        return;
      }
      keep(chunk, 0, keptHead);
      keep(chunk, size - keptTail, size);
      if (!looked && at >= 64 * 1024) {
        looked = true;
        dynamic = elfDynamicRange(bytesOf(pieces));
      }
      if (dynamic !== undefined) {
        keep(chunk, dynamic.offset, dynamic.offset + Math.min(dynamic.size, longestDynamic));
      }
      // Symbols and debug information may lie between the build attributes and the section table that says where.
      const vendor = at < keptHead ? -1 : chunk.indexOf('aeabi\0');
      if (vendor >= 0) {
        keep(chunk, at + vendor - attributesBefore, at + vendor + attributesAfter);
      }
      at += chunk.length;
    },
    bytes: () => bytesOf(pieces),
  };
}

function bytesOf(pieces: readonly Piece[]): ElfBytes {
  const sorted = [...pieces].sort((a, b) => a.offset - b.offset);
  return {
    slice(offset, length) {
      const found: Buffer[] = [];
      let at = offset;
      for (const piece of sorted.slice(firstPieceEndingAfter(sorted, offset))) {
        const end = piece.offset + piece.data.length;
        if (piece.offset > at || at >= offset + length) {
          break;
        }
        if (end > at) {
          const part = piece.data.subarray(at - piece.offset, offset + length - piece.offset);
          found.push(part);
          at += part.length;
        }
      }
      return found.length === 1 && found[0] !== undefined ? found[0] : Buffer.concat(found);
    },
  };
}

/** Pieces may overlap, so that only their beginnings are in order: step back far enough to miss none. */
function firstPieceEndingAfter(sorted: readonly Piece[], offset: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle]?.offset ?? 0) <= offset) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return Math.max(0, low - 4);
}
