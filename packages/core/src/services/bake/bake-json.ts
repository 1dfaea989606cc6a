import { MabuildError } from '@mabuild/oci';
import { locate } from '../../dockerfile/location.ts';
import { readJsonText } from '../../json-text.ts';
import { readYaml } from '../read-yaml.ts';
import type { YamlNode } from '../yaml-document.ts';
import type { HclBlock } from './hcl.ts';
import type { HclValue } from './hcl-value.ts';

/** The JSON form as the blocks of HCL. @throws MabuildError `SERVICES_SYNTAX` */
export async function readJson(text: string, file: string | undefined): Promise<HclBlock> {
  const read = readJsonText(text);
  if ('problem' in read) {
    const { message, at } = read.problem;
    throw new MabuildError(`no valid JSON: ${message}`, {
      code: 'SERVICES_SYNTAX',
      location: locate({ text, file }, { start: at, end: Math.min(at + 1, text.length) }),
    });
  }
  // JSON is YAML but for tabs, which strings cannot hold as they are.
  const root = await readYaml(text.replaceAll('\t', ' '), file);
  const blocks: HclBlock[] = [];
  for (const type of ['variable', 'group', 'target']) {
    const named = root?.kind === 'map' ? root.entries.get(type)?.value : undefined;
    for (const [label, { keyRange, value }] of named?.kind === 'map' ? named.entries : []) {
      const attributes = new Map<string, HclValue>();
      for (const [key, entry] of value.kind === 'map' ? value.entries : []) {
        attributes.set(key, fromYaml(entry.value));
      }
      blocks.push({ type, labels: [label], range: keyRange, attributes, blocks: [] });
    }
  }
  return { type: '', labels: [], range: { start: 0, end: 0 }, attributes: new Map(), blocks };
}

function fromYaml(node: YamlNode): HclValue {
  const { range } = node;
  if (node.kind === 'list') return { kind: 'list', items: node.items.map(fromYaml), range };
  if (node.kind === 'map') {
    const fields = [...node.entries].map(([name, { value }]) => [name, fromYaml(value)] as const);
    return { kind: 'object', fields: new Map(fields), range };
  }
  if (node.style === 'plain' && node.text === 'null') return { kind: 'null', range };
  const parts = [...node.text.matchAll(/\$\{([^}]*)\}|[^$]+|\$/g)].map(([whole, inner]) =>
    inner === undefined ? whole : { variable: /^\s*([A-Za-z_][\w-]*)\s*$/.exec(inner)?.[1] },
  );
  return { kind: 'text', parts, range };
}
