import { MabuildError } from '@mabuild/oci';

/** A port of a container that the host is to have too; what is not said is empty. */
export interface PublishedPort {
  /** `PORT/PROTOCOL`. */
  readonly container: string;
  readonly hostIp: string;
  readonly hostPort: string;
}

/** Reads `[HOST_IP:]HOST_PORT:CONTAINER_PORT[/PROTOCOL]`. @throws MabuildError `INVALID_PORT` */
export function parsePort(text: string): PublishedPort {
  const match =
    /^(?:(?<hostIp>\[[0-9a-fA-F:.]+\]|[^:[\]]*):)?(?<hostPort>\d*):(?<port>\d+)(?:\/(?<protocol>tcp|udp|sctp))?$/.exec(
      text,
    );
  const { hostIp = '', hostPort = '', port, protocol = 'tcp' } = match?.groups ?? {};
  if (port === undefined || Number(port) > 65535 || Number(hostPort) > 65535)
    throw new MabuildError(`'${text}' is no port to publish`, {
      code: 'INVALID_PORT',
      hint: 'write [HOST_IP:]HOST_PORT:CONTAINER_PORT[/PROTOCOL], e.g. 8080:80',
    });
  return { container: `${port}/${protocol}`, hostIp: hostIp.replace(/^\[|\]$/g, ''), hostPort };
}
