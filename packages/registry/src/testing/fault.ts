/** Something that goes wrong once (or `times` times) with a request that matches. */
export interface RegistryFault {
  /** @default any */
  readonly method?: string | undefined;
  /** Matched against path and query. @default any */
  readonly url?: RegExp | undefined;
  /** Matching requests to let through before. @default 0 */
  readonly skip?: number | undefined;
  /** How often. @default 1 */
  readonly times?: number | undefined;
  /** Milliseconds to wait before answering; alone, the answer is then the usual one. */
  readonly delay?: number | undefined;
  /** Never answer. */
  readonly hang?: boolean | undefined;
  /** Answer with this status instead. */
  readonly status?: number | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: string | undefined;
  /** Cut the connection after so many bytes of the request's body. */
  readonly cutAfter?: number | undefined;
  /** Do what was asked, then cut the connection instead of answering. */
  readonly cutAfterAnswer?: boolean | undefined;
  /** Cut the connection after so many bytes of the answer's body. */
  readonly cutBodyAfter?: number | undefined;
}

/** Takes the first matching fault from the list, counting it down. */
export function findFault(faults: RegistryFault[], method: string, url: string): RegistryFault | undefined {
  for (const [index, fault] of faults.entries()) {
    if ((fault.method ?? method) !== method || fault.url?.test(url) === false) {
      continue;
    }
    if ((fault.skip ?? 0) > 0) {
      faults[index] = { ...fault, skip: (fault.skip ?? 0) - 1 };
      continue;
    }
    const left = (fault.times ?? 1) - 1;
    if (left > 0) {
      faults[index] = { ...fault, times: left };
    } else {
      faults.splice(index, 1);
    }
    return fault;
  }
  return undefined;
}
