import { MabuildError } from '@mabuild/oci';
import { apiHost } from './host-name.ts';

/** Codes that the registry client throws with. */
export type RegistryErrorCode =
  | 'REGISTRY_UNREACHABLE'
  | 'REGISTRY_UNAUTHORIZED'
  | 'REGISTRY_DENIED'
  | 'REGISTRY_RATE_LIMITED'
  | 'REGISTRY_ERROR'
  | 'REGISTRY_TAG_MOVED'
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

  constructor(
    message: string,
    options: {
      readonly code: RegistryErrorCode;
      readonly hint?: string | undefined;
      readonly status?: number | undefined;
      readonly registryCode?: string | undefined;
      readonly requestId?: string | undefined;
      readonly cause?: unknown;
    },
  ) {
    super(message, options);
    this.status = options.status;
    this.registryCode = options.registryCode;
    this.requestId = options.requestId;
  }
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
  const reasons = readReasons(answer.text);
  const requestId = requestIdOf(answer.header);
  const code = codeOf(answer.status, reasons[0]?.code, notFound);
  const said = reasons.map(formatReason).join('; ');
  const message =
    `${asked.doing}: ${asked.method} ${redactUrl(asked.url)} answered ${answer.status}` +
    `${said === '' ? '' : ` ${said}`}${requestId === undefined ? '' : ` (request id ${requestId})`}`;
  return new RegistryError(message, {
    code,
    hint: hintFor(code, signInName(asked.url.host)),
    status: answer.status,
    registryCode: reasons[0]?.code,
    requestId,
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
    default:
      return undefined;
  }
}

/** What "docker login" calls a host. */
function signInName(host: string): string {
  return host === apiHost('docker.io') ? 'docker.io' : host;
}

interface Reason {
  readonly code?: string;
  readonly message?: string;
  readonly detail?: unknown;
}

/** Reads distribution-spec "Error Codes" bodies, and OAuth2 ones (RFC 6749, 5.2); anything else is shown shortened. */
function readReasons(text: string): readonly Reason[] {
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body === 'object' && body !== null) {
      if ('errors' in body && Array.isArray(body.errors)) {
        return body.errors.filter((entry) => typeof entry === 'object' && entry !== null).map(reasonOf);
      }
      const { error, error_description, code, message, details } = body as Record<string, unknown>;
      return [reasonOf({ code: error ?? code, message: error_description ?? message ?? details })];
    }
  } catch {
    // Not JSON: a proxy's page, or nothing.
  }
  const line = text.trim().startsWith('<') ? '' : text.trim();
  return line === '' ? [] : [{ message: line }];
}

function reasonOf(entry: { code?: unknown; message?: unknown; detail?: unknown }): Reason {
  return {
    ...(typeof entry.code === 'string' && { code: printable(entry.code, 60) }),
    ...(typeof entry.message === 'string' && { message: entry.message }),
    ...(entry.detail !== undefined && entry.detail !== null && { detail: entry.detail }),
  };
}

function formatReason(reason: Reason): string {
  const detail = typeof reason.detail === 'string' ? reason.detail : JSON.stringify(reason.detail);
  const parts = [
    reason.code,
    reason.message === undefined || reason.message === reason.code
      ? undefined
      : printable(reason.message, 300),
    detail === undefined || detail === '{}' || detail === '' ? undefined : `(${printable(detail, 300)})`,
  ];
  return parts.filter((part) => part !== undefined && part !== '').join(' ');
}

/** Takes out what could command a terminal, and shortens. */
function printable(text: string, length: number): string {
  const clean = text.replace(/\p{Cc}+/gu, ' ').trim();
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
