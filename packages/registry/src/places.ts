import { type ImageReference, isMabuildError } from '@mabuild/oci';
import { RegistryHost, type RegistryHostOptions } from './host/registry-host.ts';
import type { Repository } from './repository.ts';

/** Where an image can be read: a mirror, or its registry. */
export interface Place {
  readonly repository: Repository;
  /** Absent for the registry itself. */
  readonly mirror?: string;
}

export interface PlacesOptions extends Omit<RegistryHostOptions, 'host' | 'insecure'> {
  readonly mirrors: Readonly<Record<string, readonly string[]>> | undefined;
  readonly insecure: readonly string[] | undefined;
}

/** The hosts that one client talks to, each once, and which of them have a repository. */
export class Places {
  readonly #options: PlacesOptions;
  readonly #hosts = new Map<string, RegistryHost>();
  readonly #mirrors: ReadonlyMap<string, readonly string[]>;

  constructor(options: PlacesOptions) {
    this.#options = options;
    this.#mirrors = new Map(Object.entries(options.mirrors ?? {}));
  }

  /** The repository at its own registry. */
  origin(reference: ImageReference): Repository {
    const { insecure, retry } = this.#options;
    return {
      host: this.#host(reference.registry, insecure?.includes(reference.registry) === true, retry),
      path: reference.repository,
      name: `${reference.registry}/${reference.repository}`,
    };
  }

  /** Mirrors in their order, then the registry itself. */
  of(reference: ImageReference, pastMirrors = false): readonly Place[] {
    const mirrors = pastMirrors ? [] : (this.#mirrors.get(reference.registry) ?? []);
    return [
      ...mirrors.map((mirror) => ({ mirror, repository: this.#atMirror(mirror, reference) })),
      { repository: this.origin(reference) },
    ];
  }

  /** Asks places in order; whatever is wrong with a mirror, the next one is asked. */
  async firstOf<T>(
    places: readonly Place[],
    signal: AbortSignal | undefined,
    ask: (place: Place) => Promise<T>,
  ): Promise<{ found: T; at: number }> {
    for (let at = 0; ; at += 1) {
      const place = places[at]!;
      try {
        return { found: await ask(place), at };
      } catch (error) {
        if (signal?.aborted === true || place.mirror === undefined || at === places.length - 1) {
          throw error;
        }
        this.#options.onEvent({
          type: 'registry-mirror-skipped',
          registry: place.repository.name.split('/')[0] ?? '',
          mirror: place.mirror.replace(/\/\/[^/]*@/, '//'),
          reason: isMabuildError(error) ? error.message : 'it failed',
        });
      }
    }
  }

  #atMirror(mirror: string, reference: ImageReference): Repository {
    const [, origin = mirror, prefix = ''] = /^([a-z]+:\/\/[^/]+|[^/]+)\/?(.*?)\/*$/.exec(mirror) ?? [];
    const host = origin.replace(/^[a-z]+:\/\//, '');
    const { insecure, retry } = this.#options;
    // Two tries: the registry itself stands behind it.
    const few = { ...retry, attempts: Math.min(2, retry.attempts) };
    return {
      host: this.#host(origin, insecure?.includes(host) === true, few),
      path: prefix === '' ? reference.repository : `${prefix.replace(/^v2\//, '')}/${reference.repository}`,
      name: `${reference.registry}/${reference.repository}`,
    };
  }

  #host(host: string, insecure: boolean, retry: PlacesOptions['retry']): RegistryHost {
    const key = `${host} ${retry.attempts}`;
    const known = this.#hosts.get(key);
    if (known !== undefined) {
      return known;
    }
    const { transport, credentials, onEvent } = this.#options;
    const made = new RegistryHost({ host, transport, credentials, insecure, retry, onEvent });
    this.#hosts.set(key, made);
    return made;
  }
}
