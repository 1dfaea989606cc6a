import type { Platform } from '@mabuild/oci';
import type { StoredLayer } from './layers/layer-scanner.ts';

/** Begins what the first RUN of a platform will wait for, over the layers of its base. */
export type PrepareRun = (platform: Platform, layers: readonly StoredLayer[]) => void;

/** Stages that have a RUN; what these need is begun once it is known that steps are not remembered. */
export interface RunsAhead {
  /** A stage with a RUN begins with these layers. */
  expect(platform: Platform, layers: readonly StoredLayer[]): void;
  /** A step is done, and so will those after it be. */
  begin(): void;
}

/** @param isBegun nothing is remembered */
export function createRunsAhead(prepare: PrepareRun, isBegun: boolean): RunsAhead {
  const expected: (() => void)[] = [];
  let begun = isBegun;
  return {
    expect(platform, layers) {
      if (begun) prepare(platform, layers);
      else expected.push(() => prepare(platform, layers));
    },
    begin() {
      begun = true;
      for (const start of expected.splice(0)) start();
    },
  };
}
