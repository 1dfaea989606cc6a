import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';

/** Files below a folder that hold one of some texts, plainly, in base64 or inside of gzip. */
export function holders(folder: string, texts: readonly string[]): readonly string[] {
  const needles = texts.flatMap((text) => [text, Buffer.from(text).toString('base64')]);
  // A build that goes on takes files away meanwhile.
  return meanwhile(() => readdirSync(folder, { withFileTypes: true })).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return holders(path, texts);
    if (!entry.isFile()) return [];
    return meanwhile(() => [readFileSync(path)]).flatMap((bytes) => {
      const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b;
      const forms = [bytes, ...(isGzip ? [gunzipSync(bytes)] : [])];
      return needles.some((needle) => forms.some((form) => form.includes(needle))) ? [path] : [];
    });
  });
}

function meanwhile<T>(read: () => readonly T[]): readonly T[] {
  try {
    return read();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** Puts a program and the libraries that it is linked with into a folder. */
export function copyProgram(program: string, folder: string): void {
  const linked = execFileSync('ldd', [program], { encoding: 'utf8' });
  const files = [program, ...[...linked.matchAll(/(\/\S+) \(0x/g)].map((match) => String(match[1]))];
  for (const file of files) {
    const at = join(folder, file);
    mkdirSync(dirname(at), { recursive: true });
    copyFileSync(file, at);
  }
}
