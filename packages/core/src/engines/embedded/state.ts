import type { HistoryEntry, Platform } from '@mabuild/oci';
import type { StoredLayer } from './layers/layer-scanner.ts';
import type { Tree } from './layers/tree.ts';

/** What a container of the image runs with: the fields that BuildKit keeps. */
export type ConfigFields = Readonly<Record<string, unknown>>;

/** A stage between two of its instructions; a step takes one and gives the next. */
export interface StageState {
  readonly platform: Platform;
  /** `config` of the image config. */
  readonly config: ConfigFields;
  readonly author: string | undefined;
  readonly history: readonly HistoryEntry[];
  readonly layers: readonly StoredLayer[];
  /** The merged view of the layers; they are read when this is first asked for. */
  readonly tree: () => Promise<Tree>;
  /** What words expand to: the image's Env, ENV and ARG, the later over the earlier. */
  readonly variables: ReadonlyMap<string, string>;
  /** The ARGs that were declared, with the values that RUN sees. */
  readonly arguments: ReadonlyMap<string, string>;
  /** This stage has set CMD itself, so ENTRYPOINT leaves it. */
  readonly commandSet: boolean;
}

/** The work of one call, done when it is first asked for. */
export function lazily<T>(work: () => Promise<T>): () => Promise<T> {
  let started: Promise<T> | undefined;
  return () => {
    started ??= work();
    return started;
  };
}

/** A list in the config, empty where there is none. */
export function listIn(config: ConfigFields, field: string): readonly string[] {
  const value = config[field];
  return Array.isArray(value) ? (value as readonly string[]) : [];
}

/** A text in the config, empty where there is none. */
export function textIn(config: ConfigFields, field: string): string {
  const value = config[field];
  return typeof value === 'string' ? value : '';
}

/** A record in the config, empty where there is none. */
export function recordIn<T>(config: ConfigFields, field: string): Readonly<Record<string, T>> {
  const value = config[field];
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, T>>)
    : {};
}

/** The state with fields of the config replaced; `undefined` takes one away. */
export function withConfig(state: StageState, fields: ConfigFields): StageState {
  const config = Object.fromEntries(
    Object.entries({ ...state.config, ...fields }).filter(([, value]) => value !== undefined),
  );
  return { ...state, config };
}

/** The state with a step in its history that made no layer. */
export function withHistory(state: StageState, createdBy: string): StageState {
  const entry = { created_by: createdBy, comment: 'buildkit.dockerfile.v0', empty_layer: true };
  return { ...state, history: [...state.history, entry] };
}
