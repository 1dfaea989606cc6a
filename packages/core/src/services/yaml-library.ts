/**
 * The parts of the YAML library that are used, by name: bundlers that split their output lose the names of a
 * CommonJS module that is imported dynamically, so this module is.
 */
export type { Alias, Document, Pair, ParsedNode, YAMLMap, YAMLSeq } from 'yaml';
export { isAlias, isMap, isScalar, isSeq, parseAllDocuments } from 'yaml';
