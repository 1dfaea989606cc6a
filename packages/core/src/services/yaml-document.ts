import type { Range } from '../dockerfile/model.ts';

export type YamlNode = YamlMap | YamlList | YamlScalar;

export interface YamlMap {
  readonly kind: 'map';
  /** Those of `<<` included. */
  readonly entries: ReadonlyMap<string, YamlEntry>;
  readonly range: Range;
}

export interface YamlEntry {
  readonly keyRange: Range;
  readonly value: YamlNode;
}

export interface YamlList {
  readonly kind: 'list';
  readonly items: readonly YamlNode[];
  readonly range: Range;
}

export interface YamlScalar {
  readonly kind: 'scalar';
  /** A plain scalar as it is written, so that `1.10` stays that; nothing for null. */
  readonly text: string;
  readonly style: 'plain' | 'quoted' | 'block';
  readonly range: Range;
}

/** The value of a key; `undefined` for what is no map and for a key that is not there. */
export function yamlAt(node: YamlNode | undefined, ...path: readonly string[]): YamlNode | undefined {
  let current = node;
  for (const key of path) {
    current = current?.kind === 'map' ? current.entries.get(key)?.value : undefined;
  }
  return current;
}

export function yamlScalar(node: YamlNode | undefined, ...path: readonly string[]): YamlScalar | undefined {
  const found = yamlAt(node, ...path);
  return found?.kind === 'scalar' ? found : undefined;
}
