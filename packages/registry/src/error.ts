import { MabuildError } from '@mabuild/oci';
import { registryName } from './host-name.ts';
import { formatRateLimit, type RateLimit, rateLimitOf } from './rate-limit.ts';
import { parseRetryAfter } from './retry.ts';

/** Codes that the registry client throws with. */
export type RegistryErrorCode =
  | 'REGISTRY_UNREACHABLE'
  | 'REGISTRY_UNAUTHORIZED'
  | 'REGISTRY_DENIED'
  | 'REGISTRY_RATE_LIMITED'
  | 'REGISTRY_ERROR'
  | 'REGISTRY_TAG_MOVED'
  | 'REGISTRY_UNSUPPORTED'
  | 'REPOSITORY_NOT_FOUND'
  | 'UNSUPPORTED_MANIFEST'
  | 'IMAGE_NOT_FOUND'
  | 'BLOB_NOT_FOUND';

/** What was asked of a registry, for messages. */
export interface AskedRequest {
  readonly method: string;
  readonly url: URL;
  /** In words, e.g. `reading the manifest of localhost:5000/app:1`. */
  readonly doing: string;
}

/** An error of a registry, or of the way to it. */
export class RegistryError extends MabuildError {
  override readonly name: string = 'RegistryError';
  /** HTTP status; absent when no answer came. */
  readonly status: number | undefined;
  /** The registry's own name of the error, e.g. `MANIFEST_UNKNOWN`: distribution-spec, "Error Codes". */
  readonly registryCode: string | undefined;
  /** What the registry calls this request in its log. */
  readonly requestId: string | undefined;
  /** e.g. `PUT`. */
  readonly method: string | undefined;
  /** The address that was asked, without query and user. */
  readonly url: string | undefined;
  /** Everything that the registry says went wrong. */
  readonly reasons: readonly RegistryReason[];
  /** Milliseconds that the registry asks to wait. */
  readonly retryAfter: number | undefined;
  /** What the registry says of its limit. */
  readonly rateLimit: RateLimit | undefined;

  constructor(message: string, options: RegistryErrorOptions) {
    super(message, options);
    this.status = options.status;
    this.registryCode = options.registryCode;
    this.requestId = options.requestId;
    this.method = options.method;
    this.url = options.url === undefined ? undefined : redactUrl(options.url);
    this.reasons = options.reasons ?? [];
    this.retryAfter = options.retryAfter;
    this.rateLimit = options.rateLimit;
  }
}

export interface RegistryErrorOptions {
  readonly code: RegistryErrorCode;
  readonly hint?: string | undefined;
  readonly status?: number | undefined;
  readonly registryCode?: string | undefined;
  readonly requestId?: string | undefined;
  readonly method?: string | undefined;
  readonly url?: URL | undefined;
  readonly reasons?: readonly RegistryReason[] | undefined;
  readonly retryAfter?: number | undefined;
  readonly rateLimit?: RateLimit | undefined;
  readonly cause?: unknown;
}

/** One entry of a registry's error: distribution-spec, "Error Codes". Texts are shortened and hold no secrets. */
export interface RegistryReason {
  readonly code?: string;
  readonly message?: string;
  /** JSON, when it is no text. */
  readonly detail?: string;
}

/** An address without its query, fragment and user, for messages. */
export function redactUrl(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`;
}

/** An answer, as much of it as an error needs. */
export interface ErrorAnswer {
  readonly status: number;
  readonly header: (name: string) => string | undefined;
  readonly text: string;
}

/** @param notFound the code for a 404. Default `REGISTRY_ERROR`. */
export function answerError(
  asked: AskedRequest,
  answer: ErrorAnswer,
  notFound: RegistryErrorCode = 'REGISTRY_ERROR',
): RegistryError {
  const { status, header } = answer;
  const { method, url } = asked;
  const reasons = readReasons(answer.text);
  const requestId = requestIdOf(header);
  const code = codeOf(status, reasons[0]?.code, notFound);
  const rateLimit = code === 'REGISTRY_RATE_LIMITED' ? rateLimitOf(header) : undefined;
  const said = reasons.map(formatReason).join('; ');
  const asides = [
    rateLimit === undefined ? '' : formatRateLimit(rateLimit),
    requestId === undefined ? '' : `request id ${requestId}`,
  ].filter((aside) => aside !== '');
  const message =
    `${asked.doing}: ${method} ${redactUrl(url)} answered ${status}` +
    `${said === '' ? '' : ` ${said}`}${asides.length === 0 ? '' : ` (${asides.join('; ')})`}`;
  return new RegistryError(message, {
    code,
    hint: hintFor(code, registryName(url.host)),
    status,
    registryCode: reasons[0]?.code,
    requestId,
    method,
    url,
    reasons,
    retryAfter: parseRetryAfter(header('retry-after'), Date.now()),
    rateLimit,
  });
}

function codeOf(
  status: number,
  registryCode: string | undefined,
  notFound: RegistryErrorCode,
): RegistryErrorCode {
  if (status === 429 || registryCode === 'TOOMANYREQUESTS') {
    return 'REGISTRY_RATE_LIMITED';
  }
  switch (status) {
    case 401:
      return 'REGISTRY_UNAUTHORIZED';
    case 403:
      return 'REGISTRY_DENIED';
    case 404:
      return notFound;
    default:
      return 'REGISTRY_ERROR';
  }
}

function hintFor(code: RegistryErrorCode, host: string): string | undefined {
  switch (code) {
    case 'REGISTRY_UNAUTHORIZED':
      return `check the name, then sign in with "docker login ${host}"; some registries answer so for a repository that does not exist`;
    case 'REGISTRY_DENIED':
      return 'the signed-in user may not do this; check the name of the repository and the rights of the user or token';
    case 'REGISTRY_RATE_LIMITED':
      return 'wait, sign in for a higher limit, or read through a mirror';
    case 'IMAGE_NOT_FOUND':
      return 'check the spelling of the name and the tag';
    case 'REPOSITORY_NOT_FOUND':
      return 'check the spelling of the name; some registries answer so for a repository that needs signing in';
    default:
      return undefined;
  }
}

/** Reads distribution-spec "Error Codes" bodies, and OAuth2 ones (RFC 6749, 5.2); anything else is shown shortened. */
function readReasons(text: string): readonly RegistryReason[] {
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

function formatReason({ code, message, detail }: RegistryReason): string {
  const parts = [
    code,
    message === code ? undefined : message,
    detail === undefined ? undefined : `(${detail})`,
  ];
  return parts.filter((part) => part !== undefined && part !== '').join(' ');
}

/** Takes out what could command a terminal and what could be a secret that is repeated to us, and shortens. */
function printable(text: string, length: number): string {
  const clean = text
    .replace(/\p{Cc}+/gu, ' ')
    .replace(/\b(bearer|basic)\s+[\w.~+/=-]{8,}/gi, '$1 …')
    .replace(/(\bhttps?:\/\/)[^\s/@"']*@/gi, '$1')
    .replace(/(\bhttps?:\/\/[^\s?"'<>]*)\?[^\s"'<>)]*/gi, '$1')
    .trim();
  return clean.length > length ? `${clean.slice(0, length)}…` : clean;
}

const requestIdHeaders = [
  'x-request-id',
  'docker-request-id',
  'x-amzn-requestid',
  'x-ms-correlation-request-id',
  'x-github-request-id',
  'cf-ray',
];

function requestIdOf(header: (name: string) => string | undefined): string | undefined {
  for (const name of requestIdHeaders) {
    const value = header(name);
    if (value !== undefined && value !== '') {
      return printable(value, 80);
    }
  }
  return undefined;
}
