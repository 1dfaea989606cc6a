import type { Readable } from 'node:stream';

/** Gives a stream's lines. They end with a line feed alone: names of files hold what else ends lines elsewhere. */
export function eachLine(input: Readable, take: (line: string) => void): void {
  let text = '';
  input.setEncoding('utf8');
  input.on('data', (chunk: string) => {
    const [first = '', ...others] = chunk.split('\n');
    text += first;
    for (const other of others) {
      take(text);
      text = other;
    }
  });
  input.resume();
}
