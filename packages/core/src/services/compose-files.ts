import { type YamlNode, yamlAt, yamlScalar } from './yaml-document.ts';

/** Another Compose file that one names: all of it by `include`, some of its services by `extends`. */
export interface ServiceFile {
  /** From the folder of the file that names it. */
  readonly path: string;
  /** What its relative paths start from, from the folder of the file that names it. @default its own folder */
  readonly directory?: string;
  /** The services that are asked for, with the keys that whoever extends them says otherwise. @default all of them */
  readonly services?: ReadonlyMap<string, readonly string[]>;
}

/** A service as a map, and what it takes from another one of its file. */
export interface ServiceNode {
  readonly map: YamlNode;
  readonly base: ServiceNode | undefined;
  /** Keys that another file gives it. */
  readonly given: readonly string[];
}

type Fill = (text: string) => string | undefined;

/** Reads a service with those of the same file that it extends; a circle ends where it began. */
export function serviceNode(
  services: YamlNode,
  map: YamlNode,
  given: readonly string[],
  seen: ReadonlySet<YamlNode> = new Set(),
): ServiceNode {
  const { file, name } = extendsOf(map);
  const base = file === undefined && name !== undefined ? yamlAt(services, name) : undefined;
  const passed = new Set([...seen, map]);
  return {
    map,
    base: base && !passed.has(base) ? serviceNode(services, base, given, passed) : undefined,
    given,
  };
}

/** The map that says a key of a service, its own before the one that it extends. */
export function whoSays({ map, base, given }: ServiceNode, key: string): YamlNode | undefined {
  if (given.includes(key)) return undefined;
  if (yamlAt(map, key) !== undefined) return map;
  return base && whoSays(base, key);
}

/** The file that a service extends one of, `undefined` when it is none or is not known. */
export function extendedFile(service: ServiceNode, fill: Fill): ServiceFile | undefined {
  for (let node: ServiceNode | undefined = service; node; node = node.base) {
    const { file, name } = extendsOf(node.map);
    const path = file === undefined ? undefined : fill(file);
    if (path === undefined || name === undefined) continue;
    const given = ['image', 'build', 'platform'].filter(
      (key) => service.given.includes(key) || whoSays(service, key) !== undefined,
    );
    return { path, services: new Map([[name, given]]) };
  }
  return undefined;
}

/** The files that `include` names, those of this machine. */
export function includedFiles(root: YamlNode | undefined, fill: Fill): readonly ServiceFile[] {
  const include = yamlAt(root, 'include');
  if (include?.kind !== 'list') return [];
  return include.items.flatMap((item): readonly ServiceFile[] => {
    const directory = fill(yamlScalar(item, 'project_directory')?.text ?? '');
    return pathsOf(item.kind === 'map' ? yamlAt(item, 'path') : item).flatMap((text) => {
      const path = fill(text);
      if (path === undefined || path === '' || /^[a-z][a-z0-9+.-]+:|^git@/i.test(path)) return [];
      return [{ path, ...(directory ? { directory } : {}) }];
    });
  });
}

function pathsOf(node: YamlNode | undefined): readonly string[] {
  if (node?.kind === 'scalar') return [node.text];
  return node?.kind === 'list' ? node.items.flatMap((item) => pathsOf(item)) : [];
}

function extendsOf(map: YamlNode): { readonly file?: string; readonly name?: string } {
  const node = yamlAt(map, 'extends');
  if (node?.kind === 'scalar') return { name: node.text };
  const [file, name] = [yamlScalar(node, 'file')?.text, yamlScalar(node, 'service')?.text];
  return { ...(file === undefined ? {} : { file }), ...(name === undefined ? {} : { name }) };
}
