import {
  type CallOptions,
  type Descriptor,
  type ImageReference,
  type ImageSink,
  isMabuildError,
  MabuildError,
} from '@mabuild/oci';
import type { RegistryClient } from '@mabuild/registry';

/** Registries are asked while a build runs whether they will take what it makes. */
export interface AskedEarly {
  /** Waits for all answers. @throws why a registry will not */
  wait(): Promise<void>;
  /** The sink of a repository, which need not be asked again for what its names pointed at when that is it already. */
  knowing(sink: ImageSink, repository: ImageReference): ImageSink;
  /** Waits for nothing any more. */
  close(): Promise<void>;
}

export interface AskEarlyOptions extends CallOptions {
  readonly registry: RegistryClient;
  /** Aborted with the error when a registry will not: what is built then is built for nothing. */
  readonly stop: AbortController;
}

/** What may pass until there is something to push. */
const passing: ReadonlySet<string> = new Set([
  'REGISTRY_ERROR',
  'REGISTRY_RATE_LIMITED',
  'UNSUPPORTED_MANIFEST',
]);

/** Asks each host of these names once, and keeps nobody waiting: the answers come while the build runs. */
export function askEarly(
  names: readonly ImageReference[],
  { registry, stop, signal }: AskEarlyOptions,
): AskedEarly {
  const closed = new AbortController();
  const asking = signal ? AbortSignal.any([closed.signal, signal]) : closed.signal;
  const answers = new Map<string, Descriptor>();
  const ask = async (reference: ImageReference): Promise<void> => {
    try {
      const found = await registry.askToPush(reference, { signal: asking });
      if (found) answers.set(nameOf(reference, reference.tag ?? 'latest'), found);
    } catch (error) {
      if (asking.aborted || (isMabuildError(error) && passing.has(error.code))) return;
      stop.abort(withOwnName(error, reference));
    }
  };
  const works = names
    .filter((name, index) => names.findIndex(({ registry: host }) => host === name.registry) === index)
    .map(ask);
  return {
    async wait() {
      await Promise.all(works);
      stop.signal.throwIfAborted();
    },
    knowing: (sink, repository) => withAnswers(sink, (name) => answers.get(nameOf(repository, name))),
    async close() {
      closed.abort();
      await Promise.all(works);
    },
  };
}

/** A name without a user is one of Docker's own images: what a login would not help against. */
function withOwnName(error: unknown, { registry, repository }: ImageReference): unknown {
  const [, name] = /^library\/(.+)$/.exec(repository) ?? [];
  const isRefused =
    isMabuildError(error) &&
    /^REGISTRY_(?:UNAUTHORIZED|DENIED)$/.test(error.code) &&
    registry === 'docker.io';
  if (!isRefused || name === undefined) return error;
  return new MabuildError(error.message, {
    code: error.code,
    hint: `${name} alone is one of Docker's own images: push to a name of yours, e.g. -t USER/${name} or -t ghcr.io/USER/${name}, and sign in with "mabuild login"`,
    cause: error,
  });
}

function nameOf({ registry, repository }: ImageReference, tag: string): string {
  return `${registry}/${repository}:${tag}`;
}

function withAnswers(sink: ImageSink, answerOf: (name: string) => Descriptor | undefined): ImageSink {
  const { remote, verifies } = sink;
  return {
    ...{ remote, verifies },
    has: (...given) => sink.has(...given),
    ...(sink.mount && { mount: (...given) => sink.mount!(...given) }),
    put: (...given) => sink.put(...given),
    ...(sink.tagged && {
      // Whoever moved the name since then came after us.
      tagged: async (...given) =>
        answerOf(given[0])?.digest === given[1].digest || (await sink.tagged!(...given)),
    }),
    tag: (...given) => sink.tag(...given),
    ...(sink.refer && { refer: (...given) => sink.refer!(...given) }),
  };
}
