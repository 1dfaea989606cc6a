import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, rmSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Readable } from 'node:stream';

/** A pipe with a name, through which a command in a sandbox reads a stream. */
export interface InputPipe {
  readonly path: string;
  /** Begins to read the stream: the command has the pipe. */
  begin(): void;
  /** Reads no more of the stream. */
  close(): void;
}

/** How often who opens the pipe again is let in when the stream has ended, milliseconds. */
const knock = 20;

/** Makes a pipe; nothing is read before its other end is open. @param path where there is nothing yet */
export function openInputPipe(path: string, input: Readable): InputPipe {
  // USER may open it again, as /dev/stdin.
  execFileSync('mkfifo', ['-m', '666', path]);
  // Until somebody writes, it has a writer: the command would see its end otherwise.
  let writer: number | undefined = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  let socket: Socket | undefined;
  let ended: NodeJS.Timeout | undefined;
  const openWriter = (): number => openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
  const free = (): void => {
    if (writer !== undefined) closeSync(writer);
    writer = undefined;
  };
  const stop = (): void => {
    if (socket) input.unpipe(socket);
    input.pause();
  };
  return {
    path,
    begin() {
      if (writer === undefined) return;
      socket = new Socket({ fd: openWriter(), readable: false, writable: true });
      free();
      // A command may end, or close its input, before it has read all.
      socket.on('error', stop);
      input.once('error', () => socket?.end());
      // Unlike a pipe without a name, this one keeps `cat /dev/stdin` waiting for a writer, if only a short one.
      socket.once('finish', () => {
        ended = setInterval(() => tryTo(() => closeSync(openWriter())), knock).unref();
      });
      input.pipe(socket);
    },
    close() {
      stop();
      clearInterval(ended);
      socket?.destroy();
      free();
      rmSync(path, { force: true });
    },
  };
}

function tryTo(work: () => void): void {
  try {
    work();
  } catch {
    // Nobody waits.
  }
}
