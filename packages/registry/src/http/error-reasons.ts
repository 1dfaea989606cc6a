import type { RegistryReason } from '../error.ts';

/** Reads distribution-spec "Error Codes" bodies, and OAuth2 ones (RFC 6749, 5.2); anything else is shown shortened. */
export function readReasons(text: string): readonly RegistryReason[] {
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body === 'object' && body !== null) {
      if ('errors' in body && Array.isArray(body.errors)) {
        return body.errors
          .filter((entry) => typeof entry === 'object' && entry !== null)
          .slice(0, mostReasons)
          .map(reasonOf);
      }
      const { error, error_description, code, message, details } = body as Record<string, unknown>;
      return [reasonOf({ code: error ?? code, message: error_description ?? message ?? details })];
    }
  } catch {
    // Not JSON: a proxy's page, or nothing.
  }
  const line = text.trim().startsWith('<') ? '' : text.trim();
  return line === '' ? [] : [{ message: printable(line, 300) }];
}

const mostReasons = 8;

function reasonOf(entry: { code?: unknown; message?: unknown; detail?: unknown }): RegistryReason {
  const { code, message, detail } = entry;
  const text = typeof detail === 'string' ? detail : JSON.stringify(detail ?? '');
  return {
    ...(typeof code === 'string' && { code: printable(code, 60) }),
    ...(typeof message === 'string' && { message: printable(message, 300) }),
    ...(!['', '""', '{}', '[]'].includes(text) && { detail: printable(text, 300) }),
  };
}

/** Code, message and detail as one line. */
export function formatReason({ code, message, detail }: RegistryReason): string {
  const parts = [
    code,
    message === code ? undefined : message,
    detail === undefined ? undefined : `(${detail})`,
  ];
  return parts.filter((part) => part !== undefined && part !== '').join(' ');
}

/** Takes out what could command a terminal and what could be a secret that is repeated to us, and shortens. */
export function printable(text: string, length: number): string {
  const clean = text
    .slice(0, 8 * length)
    .replace(/\p{Cc}+/gu, ' ')
    // A word of letters alone is a word: "Basic authentication".
    .replace(/\b([Bb]earer|[Bb]asic)\s+(?=[\w.~+/=-]*(?:[\d=+/]|[a-z][A-Z]))[\w.~+/=-]{8,}/g, '$1 …')
    .replace(/(\bhttps?:\/\/)[^\s/@"']*@/gi, '$1')
    .replace(/(\bhttps?:\/\/[^\s?"'<>]*)\?[^\s"'<>)]*/gi, '$1')
    .trim();
  return clean.length > length ? `${clean.slice(0, length)}…` : clean;
}
