import { MabuildError } from '@mabuild/oci';
import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Pair,
  type ParsedNode,
  parseAllDocuments,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml';
import { locate } from '../dockerfile/location.ts';
import type { Range } from '../dockerfile/model.ts';
import type { YamlEntry, YamlNode } from './yaml-document.ts';

/** What readYaml does, in a module that is loaded when there is YAML. */
export function parseYaml(text: string, file: string | undefined): YamlNode | undefined {
  const documents = parseAllDocuments(text, { merge: true, uniqueKeys: false, logLevel: 'silent' });
  const [document] = documents as readonly Document.Parsed[];
  if (!document) return undefined;
  const [problem] = document.errors;
  if (problem) {
    const [start, end] = problem.pos;
    throw new MabuildError(`no valid YAML: ${problem.message.split(/ at line \d+|\n/)[0]}`, {
      code: 'SERVICES_SYNTAX',
      location: locate({ text, file }, { start, end: Math.max(end, start) }),
      cause: problem,
    });
  }
  const known = new Map<unknown, YamlNode>();
  const read = (node: unknown): YamlNode => {
    const made = known.get(node) ?? convert(node);
    known.set(node, made);
    return made;
  };
  const convert = (node: unknown): YamlNode => {
    const range = rangeOf(node as ParsedNode);
    if (isAlias(node)) {
      const target = (node as Alias).resolve(document);
      return target ? read(target) : { kind: 'scalar', text: '', style: 'plain', range };
    }
    if (isMap(node)) {
      // An alias inside of what it names sees the map as it is so far.
      const entries = new Map<string, YamlEntry>();
      known.set(node, { kind: 'map', entries, range });
      for (const { key, value } of (node as YAMLMap).items as readonly Pair[]) {
        const name = isScalar(key) ? String(key.source ?? key.value) : '';
        if (name === '<<') {
          const source = read(value);
          for (const map of source.kind === 'list' ? source.items : [source]) {
            if (map.kind !== 'map') continue;
            for (const [inner, entry] of map.entries) if (!entries.has(inner)) entries.set(inner, entry);
          }
          continue;
        }
        const empty = {
          kind: 'scalar',
          text: '',
          style: 'plain',
          range: rangeOf(key as ParsedNode),
        } as const;
        entries.set(name, { keyRange: rangeOf(key as ParsedNode), value: value ? read(value) : empty });
      }
      return { kind: 'map', entries, range };
    }
    if (isSeq(node)) return { kind: 'list', items: (node as YAMLSeq).items.map(read), range };
    if (!isScalar(node)) return { kind: 'scalar', text: '', style: 'plain', range };
    const style =
      node.type === 'BLOCK_LITERAL' || node.type === 'BLOCK_FOLDED'
        ? 'block'
        : node.type === 'PLAIN'
          ? 'plain'
          : 'quoted';
    const plain = style === 'plain' && node.value !== null ? node.source : undefined;
    return { kind: 'scalar', text: String(plain ?? node.value ?? ''), style, range };
  };
  return document.contents ? read(document.contents) : undefined;
}

function rangeOf(node: ParsedNode | null | undefined): Range {
  const [start, end] = node?.range ?? [0, 0];
  return { start, end };
}
