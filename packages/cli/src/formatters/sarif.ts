import { createHash } from 'node:crypto';
import { isAbsolute, relative, resolve, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Finding, locate, type Range, type Rule } from '@mabuild/core';
import { formatPlatform } from '@mabuild/oci';
import type { FileFindings } from '../sdk/check/file-findings.ts';
import { knownRules } from '../sdk/check/rules.ts';
import { version } from '../version.ts';
import { ruleMarkdown } from './rules.ts';
import { spanLines } from './source-span.ts';

export interface SarifOptions {
  /** Rules that the log describes. @default {@link knownRules} */
  readonly rules?: readonly Rule[] | undefined;
  /** The platforms asked for. */
  readonly platforms?: readonly string[] | undefined;
  /** The folder that relative paths start from; files outside of it get absolute URIs. */
  readonly directory?: string | undefined;
}

const schema = 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json';
const levels: Readonly<Record<Finding['severity'], string>> = {
  error: 'error',
  warning: 'warning',
  info: 'note',
};

/** Findings as a log of SARIF 2.1.0 with one run; `JSON.stringify` writes it. */
export function sarifLog(files: readonly FileFindings[], options: SarifOptions = {}): object {
  const rules = describedRules(files, options.rules ?? knownRules);
  const indexes = new Map(rules.map((rule, index) => [rule.name, index]));
  return {
    $schema: schema,
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: { name: 'mabuild', version, semanticVersion: version, rules: rules.map(descriptor) },
        },
        invocations: [{ executionSuccessful: true }],
        columnKind: 'utf16CodeUnits',
        originalUriBaseIds: { SRCROOT: { description: { text: 'The folder that mabuild ran in.' } } },
        ...(options.platforms ? { properties: { platforms: options.platforms } } : {}),
        results: files.flatMap((file) => results(file, indexes, options)),
      },
    ],
  };
}

type DescribedRule = Pick<Rule, 'name' | 'summary' | 'page'>;

/** The rules, and what else findings name. */
function describedRules(
  files: readonly FileFindings[],
  rules: readonly DescribedRule[],
): readonly DescribedRule[] {
  const names = new Set(rules.map((rule) => rule.name));
  const others = new Set(files.flatMap((file) => file.findings.map((finding) => finding.rule)));
  const unknown = [...others].filter((name) => !names.has(name));
  return [
    ...rules,
    ...unknown.map((name) => ({
      name,
      summary: name === 'syntax' ? 'BuildKit cannot read the file.' : name,
    })),
  ];
}

function descriptor(rule: DescribedRule): object {
  const text = [rule.summary, ...(rule.page ? [rule.page.why] : [])].join('\n\n');
  return {
    id: rule.name,
    name: rule.name,
    shortDescription: { text: rule.summary },
    ...(rule.page ? { fullDescription: { text: rule.page.why } } : {}),
    help: {
      text: `${text}\n\n\`mabuild rules ${rule.name}\` shows examples.`,
      markdown: ruleMarkdown(rule),
    },
    properties: { tags: ['portability'] },
  };
}

function results(
  file: FileFindings,
  indexes: ReadonlyMap<string, number>,
  options: SarifOptions,
): readonly object[] {
  const location = artifactLocation(file.path, options.directory);
  const seen = new Map<string, number>();
  return file.findings.map((finding) => {
    const lines = spanLines(file.dockerfile, finding.range).map((line) => line.text.trim());
    const key = [finding.rule, location.uri, ...lines].join('\0');
    const ordinal = seen.get(key) ?? 0;
    seen.set(key, ordinal + 1);
    return {
      ruleId: finding.rule,
      ruleIndex: indexes.get(finding.rule),
      level: levels[finding.severity],
      message: { text: finding.hint ? `${finding.message}\n${finding.hint}` : finding.message },
      locations: [{ physicalLocation: { artifactLocation: location, region: region(file, finding.range) } }],
      // What stands there, not where, so that a result stays the same when lines above it change.
      partialFingerprints: { 'mabuildFinding/v1': hash(`${key}\0${ordinal}`) },
      ...fixes(file, finding, location),
      properties: {
        platforms: finding.platforms.map((platform) => formatPlatform(platform)),
        fix: finding.fix,
      },
    };
  });
}

function fixes(file: FileFindings, finding: Finding, location: object): object {
  if (finding.edits.length === 0) return {};
  return {
    fixes: [
      {
        description: { text: finding.hint ?? 'Write it so that it is right on every platform.' },
        artifactChanges: [
          {
            artifactLocation: location,
            replacements: finding.edits.map((edit) => ({
              deletedRegion: region(file, edit),
              ...(edit.newText === '' ? {} : { insertedContent: { text: edit.newText } }),
            })),
          },
        ],
      },
    ],
  };
}

function region(file: FileFindings, range: Range): object {
  const { line, column, endLine = line, endColumn = column } = locate(file.dockerfile, range);
  return { startLine: line, startColumn: column, endLine, endColumn };
}

/** SARIF 2.1.0, "artifactLocation object": relative to SRCROOT inside the folder, absolute outside. */
function artifactLocation(path: string, directory: string | undefined): { uri: string; uriBaseId?: string } {
  if (path === '-') return { uri: 'stdin' };
  const inside = directory === undefined ? path : relative(directory, resolve(directory, path));
  const outside = inside.split(sep)[0] === '..' || isAbsolute(inside);
  if (outside && (directory !== undefined || isAbsolute(path))) {
    return { uri: pathToFileURL(directory === undefined ? path : resolve(directory, path)).href };
  }
  const segments = inside.split(sep).filter((segment) => segment !== '.' && segment !== '');
  return { uri: segments.map(encodeSegment).join('/'), uriBaseId: 'SRCROOT' };
}

function encodeSegment(segment: string): string {
  // A half of a surrogate pair has no encoding.
  return encodeURIComponent(segment.replace(/\p{Cs}/gu, '\ufffd'));
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
