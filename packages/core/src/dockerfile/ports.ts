/** A port specification that EXPOSE refuses. */
export class PortError extends Error {}

/**
 * Reads what EXPOSE takes, `[ip:]public:private/proto` included, as `port/protocol` names.
 *
 * @throws PortError.
 */
export function exposedPorts(spec: string): readonly string[] {
  const parts = spec.split(':');
  const container = parts.at(-1) ?? '';
  const host = parts.at(-2) ?? '';
  const [range = '', protocol = ''] = cut(container, '/');
  if (range === '') throw new PortError(`invalid port: ${JSON.stringify(spec)}: no port specified`);
  const name = protocol.toLowerCase() || 'tcp';
  if (name !== 'tcp' && name !== 'udp' && name !== 'sctp') {
    throw new PortError(`invalid port: ${JSON.stringify(spec)}: invalid proto: ${protocol}`);
  }
  const ports = readRange(range);
  if (ports === undefined) throw new PortError(`invalid containerPort: ${range}`);
  const hostPorts = host === '' ? ports : readRange(host);
  if (hostPorts === undefined) throw new PortError(`invalid hostPort: ${host}`);
  const [first, last] = ports;
  if (last !== first && last - first !== hostPorts[1] - hostPorts[0]) {
    throw new PortError(`invalid ranges specified for container and host Ports: ${range} and ${host}`);
  }
  return Array.from({ length: last - first + 1 }, (_, index) => `${first + index}/${name}`);
}

function readRange(text: string): readonly [number, number] | undefined {
  const [start = '', end = start] = cut(text, '-');
  if (!isPort(start) || !isPort(end) || Number(end) < Number(start)) return undefined;
  return [Number(start), Number(end)];
}

function isPort(text: string): boolean {
  return /^\+?\d+$/.test(text) && Number(text) <= 65535;
}

function cut(text: string, at: string): readonly string[] {
  const index = text.indexOf(at);
  return index < 0 ? [text] : [text.slice(0, index), text.slice(index + 1)];
}
