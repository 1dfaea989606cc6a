import type { YamlNode } from './yaml-document.ts';

/**
 * Reads the first document of a YAML file, with the place of every part.
 *
 * @returns `undefined` for an empty file
 * @throws MabuildError `SERVICES_SYNTAX` with its place
 */
export async function readYaml(text: string, file: string | undefined): Promise<YamlNode | undefined> {
  const { parseYaml } = await import('./parse-yaml.ts');
  return parseYaml(text, file);
}
