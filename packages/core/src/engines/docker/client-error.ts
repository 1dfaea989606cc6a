import { MabuildError } from '@mabuild/oci';

/** The engine answered a request with an error status; code `ENGINE_REFUSED`. */
export class EngineRefusedError extends MabuildError {
  /** The HTTP status. */
  readonly status: number;

  constructor(action: string, status: number, reason: string, endpoint: string) {
    super(`the engine at ${endpoint} refused ${action}: ${reason} (HTTP ${status})`, {
      code: 'ENGINE_REFUSED',
      hint: hintOfStatus(status),
    });
    this.status = status;
  }
}

function hintOfStatus(status: number): string | undefined {
  if (status === 401 || status === 403)
    return 'check the credentials, or the access rules in front of the engine';
  if (status === 409) return 'another client may hold this object; try again';
  if (status >= 500)
    return "the engine's own log says more (`journalctl -u docker`, or Docker Desktop's diagnostics)";
  return undefined;
}

const reasons: Readonly<Record<string, readonly [reason: string, hint: string]>> = {
  ENOENT: ['there is no such socket', 'start the engine, or name another one with DOCKER_HOST'],
  ECONNREFUSED: ['nothing listens there', 'start the engine, or name another one with DOCKER_HOST'],
  EACCES: [
    'permission denied',
    "add yourself to the group that owns the socket (usually 'docker') or use a rootless engine",
  ],
  EPERM: [
    'permission denied',
    "add yourself to the group that owns the socket (usually 'docker') or use a rootless engine",
  ],
  ENOTFOUND: ['the host name is unknown', 'check DOCKER_HOST or the context that names this engine'],
  EAI_AGAIN: ['the host name cannot be resolved', 'check the network and DNS'],
  ETIMEDOUT: ['no answer', 'check the address, the network and firewalls in between'],
  EHOSTUNREACH: ['the host is unreachable', 'check the address, the network and firewalls in between'],
  ENETUNREACH: ['the network is unreachable', 'check the address, the network and firewalls in between'],
  ENOTSOCK: ['this is no socket', 'name the socket of an engine with DOCKER_HOST'],
  ECONNRESET: [
    'the connection was closed',
    'is the engine still running, and does it want TLS (DOCKER_TLS_VERIFY)?',
  ],
  EPIPE: [
    'the connection was closed',
    'is the engine still running, and does it want TLS (DOCKER_TLS_VERIFY)?',
  ],
  EPROTO: ['it does not speak TLS there', 'unset DOCKER_TLS_VERIFY, or use the port that speaks TLS'],
};

/** Turns a failed connection into `ENGINE_UNREACHABLE`; what is already a MabuildError stays as it is. */
export function unreachable(error: unknown, action: string, endpoint: string): MabuildError {
  if (error instanceof MabuildError) return error;
  const code = errorCode(error);
  const [reason, hint] = reasons[code] ?? [
    error instanceof Error && error.message !== '' ? error.message : String(error),
    code.startsWith('HPE_')
      ? 'is this the address of a Docker Engine, and does it want TLS (DOCKER_TLS_VERIFY)?'
      : 'check that the engine runs and that DOCKER_HOST names it',
  ];
  return new MabuildError(`cannot reach the engine at ${endpoint} (${action}): ${reason}`, {
    code: 'ENGINE_UNREACHABLE',
    hint,
    cause: error,
  });
}

function errorCode(error: unknown): string {
  const own = (error as { code?: unknown } | null)?.code;
  if (typeof own === 'string') return own;
  // Happy eyeballs: one error for each address of a host name.
  const first =
    error instanceof AggregateError ? (error.errors[0] as { code?: unknown } | undefined)?.code : undefined;
  return typeof first === 'string' ? first : '';
}
