import type { Readable } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { MabuildError } from '@mabuild/oci';
import { unreachable } from './client-error.ts';

/** One line of what `/build`, `/images/load` and `/images/create` answer with. */
export interface EngineMessage {
  /** Text of a step, with the engine's colours. */
  readonly stream?: string;
  readonly status?: string;
  readonly id?: string;
  readonly progressDetail?: { readonly current?: number; readonly total?: number };
  readonly aux?: unknown;
  /** The operation failed, although the HTTP status was 200. */
  readonly error?: string;
  readonly errorDetail?: { readonly code?: number; readonly message?: string };
}

export interface MessageOptions {
  /** For messages, e.g. `POST /build`. */
  readonly action: string;
  readonly endpoint: string;
  readonly signal?: AbortSignal | undefined;
}

/** Longest line that is believed, bytes. */
const longestLine = 32 * 1024 * 1024;

/**
 * Reads an answer line by line; an `error` message is yielded like any other.
 *
 * @throws MabuildError `ENGINE_ANSWER_INVALID` for a line that is no JSON object or breaks off; `ENGINE_UNREACHABLE` when the connection breaks.
 */
export async function* readMessages(
  body: Readable,
  options: MessageOptions,
): AsyncGenerator<EngineMessage, void, undefined> {
  const decoder = new TextDecoder();
  let rest = '';
  try {
    for await (const chunk of body as AsyncIterable<Uint8Array>) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      if (rest.length > longestLine) throw invalid(rest, options, undefined);
      for (const line of lines) yield* messagesOf(line, options);
    }
  } catch (error) {
    options.signal?.throwIfAborted();
    throw unreachable(error, options.action, options.endpoint);
  }
  options.signal?.throwIfAborted();
  yield* messagesOf(rest + decoder.decode(), options);
}

/** What a message says went wrong; `undefined` when nothing did. */
export function errorOfMessage(message: EngineMessage): string | undefined {
  const text = message.errorDetail?.message ?? message.error;
  return text === undefined ? undefined : stripVTControlCharacters(String(text)).trim();
}

function* messagesOf(line: string, options: MessageOptions): Generator<EngineMessage, void, undefined> {
  const text = line.trim();
  if (text === '') return;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw invalid(text, options, cause);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalid(text, options, undefined);
  // Engines send a stray `{}` now and then.
  if (Object.keys(value).length > 0) yield value;
}

function invalid(text: string, { action, endpoint }: MessageOptions, cause: unknown): MabuildError {
  const start = stripVTControlCharacters(text).slice(0, 80);
  return new MabuildError(
    `the engine at ${endpoint} answered ${action} with a line that is no message: ${JSON.stringify(start)}`,
    {
      code: 'ENGINE_ANSWER_INVALID',
      hint: 'the answer was cut off, or something between mabuild and the engine changed it',
      cause,
    },
  );
}
