import { createHash } from 'node:crypto';
import type { Platform } from '@mabuild/oci';

/** A docker-archive of an image that holds one program, `/program`, and nothing else. */
export function programImage(program: Uint8Array, platform: Platform, name: string): Uint8Array {
  const layer = tar([{ path: 'program', mode: 0o755, content: program }]);
  const created = '1970-01-01T00:00:00Z';
  const config = json({
    architecture: platform.architecture,
    ...(platform.variant === undefined ? {} : { variant: platform.variant }),
    os: platform.os,
    created,
    config: { Entrypoint: ['/program'] },
    rootfs: { type: 'layers', diff_ids: [`sha256:${sha256(layer)}`] },
    history: [{ created, created_by: 'mabuild probe' }],
  });
  const configPath = `${sha256(config)}.json`;
  const layerPath = `${sha256(layer)}/layer.tar`;
  return tar([
    { path: configPath, mode: 0o644, content: config },
    { path: layerPath, mode: 0o644, content: layer },
    {
      path: 'manifest.json',
      mode: 0o644,
      content: json([{ Config: configPath, RepoTags: [name], Layers: [layerPath] }]),
    },
  ]);
}

interface File {
  /** Fewer than 100 bytes. */
  readonly path: string;
  readonly mode: number;
  readonly content: Uint8Array;
}

/** Plain ustar of a few small files with short names: three known layouts need no library. */
function tar(files: readonly File[]): Uint8Array {
  const blocks: Uint8Array[] = [];
  for (const { path, mode, content } of files) {
    const header = Buffer.alloc(512);
    const octal = (value: number, offset: number, length: number): void => {
      header.write(value.toString(8).padStart(length - 1, '0'), offset, 'latin1');
    };
    header.write(path, 0, 'latin1');
    octal(mode, 100, 8);
    octal(0, 108, 8);
    octal(0, 116, 8);
    octal(content.length, 124, 12);
    octal(0, 136, 12);
    header.fill(' ', 148, 156);
    header.write('0', 156);
    header.write('ustar\u000000', 257, 'latin1');
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, '0')}\u0000 `, 148, 'latin1');
    blocks.push(header, content, Buffer.alloc((512 - (content.length % 512)) % 512));
  }
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

function json(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
