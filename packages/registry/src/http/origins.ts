import { MabuildError } from '@mabuild/oci';
import { ConnectionFault, refusesTls, speaksNoTls } from './connection-fault.ts';
import { apiHost, isLoopbackHost } from './host-name.ts';

/** Which scheme a host speaks: tried in the order of {@link originsOf}, settled by the first answer. */
export class Origins {
  /** Left to try, best first; one is left after the first answer. */
  #left: readonly URL[];
  #answered = false;

  constructor(host: string, insecure: boolean) {
    this.#left = originsOf(host, insecure);
  }

  get current(): URL {
    return this.#left[0]!;
  }

  /** Whether the host ever answered. */
  get answered(): boolean {
    return this.#answered;
  }

  /** The address of a path, or an address that was given whole. */
  resolve(target: string | URL): URL {
    return typeof target === 'string' ? new URL(target, this.current) : target;
  }

  isOurs(url: URL): boolean {
    return url.origin === this.current.origin;
  }

  settle(): void {
    this.#answered = true;
    this.#left = this.#left.slice(0, 1);
  }

  /**
   * Moves to the next scheme when a fault says that this one cannot be spoken with the host.
   * @param probe asks an address by GET.
   */
  async moveAfterFault(error: unknown, probe: Probe): Promise<boolean> {
    if (this.#answered || this.#left.length < 2 || !(error instanceof ConnectionFault)) {
      return false;
    }
    const { code } = error;
    const asked = this.current;
    const unspoken =
      asked.protocol === 'https:'
        ? code === 'ECONNREFUSED' || speaksNoTls(code)
        : code.startsWith('HPE_') || (code === 'ECONNRESET' && (await this.#speaksTls(probe)));
    // A request beside this one may have moved meanwhile.
    if (unspoken && this.current === asked && !this.#answered) {
      this.#left = this.#left.slice(1);
    }
    return unspoken;
  }

  /** Moves to https when a TLS server answered to plain http. @param probe asks an address by GET. */
  async moveAfterStatus(status: number, probe: Probe): Promise<boolean> {
    const secure = this.#secure;
    if (this.#answered || status !== 400 || this.current.protocol !== 'http:' || secure === undefined) {
      return false;
    }
    // The words stand in the body, which the answer to a HEAD does not have.
    const answer = await probe(new URL('/v2/', this.current));
    if (answer.status !== 400 || !/to (an )?HTTPS (server|port)/i.test(answer.bytes.toString())) {
      return false;
    }
    this.#left = [secure];
    return true;
  }

  get #secure(): URL | undefined {
    return this.#left.find(({ protocol }) => protocol === 'https:');
  }

  /** Some TLS servers cut a connection on which plain http is spoken, as servers in trouble do. */
  async #speaksTls(probe: Probe): Promise<boolean> {
    const secure = this.#secure;
    if (secure === undefined) {
      return false;
    }
    try {
      await probe(new URL('/v2/', secure));
      return true;
    } catch (error) {
      // What is wrong with our own settings is told by the request that follows.
      return !(error instanceof ConnectionFault) || refusesTls(error.code);
    }
  }
}

type Probe = (url: URL) => Promise<{ readonly status: number; readonly bytes: Buffer }>;

/**
 * What a host may be reached at, best first: https; http first for loopback hosts, and last for insecure ones.
 * @param host as references spell it, or an address with scheme (a mirror).
 */
function originsOf(host: string, insecure: boolean): readonly URL[] {
  try {
    if (host.includes('://')) {
      return [new URL(new URL(host).origin)];
    }
    const name = apiHost(host);
    const [secure, plain] = [new URL(`https://${name}`), new URL(`http://${name}`)];
    if (isLoopbackHost(secure.hostname)) {
      return [plain, secure];
    }
    return insecure ? [secure, plain] : [secure];
  } catch {
    const shown = host.replace(/\/\/[^/]*@/, '//');
    throw new MabuildError(`${shown} is not a registry host`, {
      code: 'INVALID_REFERENCE',
      hint: 'write HOST or HOST:PORT, or for a mirror http://HOST:PORT',
    });
  }
}
