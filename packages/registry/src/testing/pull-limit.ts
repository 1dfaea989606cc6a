import { type Answer, failure } from './answer.ts';
import type { KnownBehaviour } from './behaviour.ts';

/** Counts pulls as Docker Hub does: GET of a manifest is one, HEAD is none. */
export class PullLimit {
  readonly #limit: KnownBehaviour['rateLimit'];
  #pulls = 0;

  constructor(limit: KnownBehaviour['rateLimit']) {
    this.#limit = limit;
  }

  /** @returns the answer with the limit told, or a refusal in its place. */
  apply(method: string, answer: Answer): Answer {
    const { pulls, windowSeconds } = this.#limit;
    if (!Number.isFinite(pulls)) {
      return answer;
    }
    this.#pulls += method === 'GET' ? 1 : 0;
    const over = method === 'GET' && this.#pulls > pulls;
    const told = over
      ? failure(
          429,
          'TOOMANYREQUESTS',
          'You have reached your pull rate limit. You may increase the limit by authenticating and upgrading: https://www.docker.com/increase-rate-limit',
        )
      : answer;
    return {
      ...told,
      headers: {
        ...told.headers,
        'ratelimit-limit': `${pulls};w=${windowSeconds}`,
        'ratelimit-remaining': `${Math.max(0, pulls - this.#pulls)};w=${windowSeconds}`,
        'docker-ratelimit-source': '127.0.0.1',
      },
    };
  }
}
