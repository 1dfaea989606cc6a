import { RegistryError, type RegistryErrorCode, redactUrl } from '../error.ts';
import { formatRateLimit, rateLimitOf } from '../rate-limit.ts';
import { formatReason, printable, readReasons } from './error-reasons.ts';
import { registryName } from './host-name.ts';
import { parseRetryAfter } from './retry.ts';

/** What was asked of a registry, for messages. */
export interface AskedRequest {
  readonly method: string;
  readonly url: URL;
  /** In words, e.g. `reading the manifest of localhost:5000/app:1`. */
  readonly doing: string;
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
    hint: hintFor(code, registryName(url.host), status),
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

function hintFor(code: RegistryErrorCode, host: string, status: number): string | undefined {
  switch (code) {
    case 'REGISTRY_UNAUTHORIZED':
      return `check the name, then sign in with "mabuild login ${host}"; some registries answer so for a repository that does not exist`;
    case 'REGISTRY_DENIED':
      return 'the signed-in user may not do this; check the name of the repository and the rights of the user or token';
    case 'REGISTRY_RATE_LIMITED':
      return 'wait, sign in for a higher limit, or read through a mirror';
    case 'IMAGE_NOT_FOUND':
      return 'check the spelling of the name and the tag';
    case 'REPOSITORY_NOT_FOUND':
      return 'check the spelling of the name; some registries answer so for a repository that needs signing in';
    default:
      return status >= 500 ? `${host} is in trouble: try again later, or ask who runs it` : undefined;
  }
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
