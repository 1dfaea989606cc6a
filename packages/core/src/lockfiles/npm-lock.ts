import { readJsonText } from '../json-text.ts';
import type { Finding } from '../rules/rule.ts';
import { type LockRequest, lockError } from './lock-finding.ts';
import { type NodePackage, nodeFindings } from './node-packages.ts';

/**
 * Finds what an npm lock file (package-lock.json, npm-shrinkwrap.json; version 2 and 3) has no ARM build of.
 *
 * @throws MabuildError `LOCKFILE_SYNTAX` with its place
 */
export function readNpmLock(request: LockRequest): readonly Finding[] {
  const { text } = request;
  const packages = record(record(parseJson(request)).packages);
  let cursor = 0;
  const read = Object.entries(packages).flatMap(([key, value]): readonly NodePackage[] => {
    const written = JSON.stringify(key);
    const at = text.indexOf(`${written}:`, cursor);
    const found = at < 0 ? text.indexOf(written) : at;
    if (found >= 0) cursor = found;
    const entry = record(value);
    if (key === '' || entry.link === true) return [];
    const start = Math.max(found, 0);
    return [
      {
        name: typeof entry.name === 'string' ? entry.name : key.slice(key.lastIndexOf('node_modules/') + 13),
        version: String(entry.version ?? ''),
        cpu: strings(entry.cpu),
        os: strings(entry.os),
        optional: entry.optional === true || entry.devOptional === true || entry.peer === true,
        wishes: Object.keys(record(entry.optionalDependencies)),
        range: { start, end: start + written.length },
      },
    ];
  });
  return nodeFindings(read, request.platforms);
}

function parseJson(request: LockRequest): unknown {
  const read = readJsonText(request.text);
  if ('value' in read) return read.value;
  throw lockError(request, read.problem.at, `no valid JSON: ${read.problem.message}`);
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : {};
}

function strings(value: unknown): readonly string[] {
  const list = Array.isArray(value) ? value : [value];
  return list.filter((item) => typeof item === 'string');
}
