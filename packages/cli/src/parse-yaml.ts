import { parse } from 'yaml';

/**
 * Reads one YAML document.
 *
 * A module of its own, to be imported dynamically: bundlers that split their output lose the names of a CommonJS
 * library that is.
 *
 * @throws Error with the line, when it is no YAML
 */
export function parseYaml(text: string): unknown {
  return parse(text);
}
