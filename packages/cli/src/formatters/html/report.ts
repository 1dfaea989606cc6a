import { createHash } from 'node:crypto';
import type { Rule } from '@mabuild/core';
import { countFindings, type FileFindings, isFixable } from '../../sdk/check/file-findings.ts';
import { knownRules } from '../../sdk/check/rules.ts';
import { count } from '../../text/count.ts';
import { version } from '../../version.ts';
import { countChips } from './chips.ts';
import { fileSection } from './file-section.ts';
import { html, type Markup } from './markup.ts';
import { findingsFor, matrixEnd, matrixRow, matrixStart } from './matrix.ts';
import { countRules, ruleSection, ruleTable } from './rule-section.ts';
import { script } from './script.ts';
import { style } from './style.ts';

export interface HtmlReportOptions {
  /** The platforms asked for: the columns of the table. */
  readonly platforms: readonly string[];
  /** Rules that the page may explain. @default {@link knownRules} */
  readonly rules?: readonly Rule[] | undefined;
}

const dockerfileName = /(?:docker|container)file[^/]*$|^-$/i;
/** Files whose sections stand open from the start. */
const mostOpen = 3;

/** A page that needs nothing else, in parts that are written one after the other. */
export function* htmlReport(files: readonly FileFindings[], options: HtmlReportOptions): Generator<string> {
  const { platforms, rules = knownRules } = options;
  const counts = countRules(files, rules);
  const explained = counts.flatMap(({ rule }) => (rule ? [rule] : []));
  const names = new Set(explained.map((rule) => rule.name));
  const found = files.filter((file) => file.findings.length > 0);

  yield head(files, platforms).html;
  if (counts.length > 0)
    yield html`<section aria-labelledby="what"><h2 id="what">What is in the way</h2>${ruleTable(counts)}</section>\n`
      .html;
  yield html`<section aria-labelledby="files"><h2 id="files">Files and platforms</h2>${tools}`.html;
  yield matrixStart(platforms, files.length).html;
  for (const [index, file] of files.entries()) yield matrixRow(file, index, platforms).html;
  yield html`${matrixEnd}</section>\n`.html;
  if (found.length > 0) {
    yield html`<section aria-labelledby="found"><h2 id="found">What was found, file by file</h2>\n`.html;
    for (const [index, file] of files.entries()) {
      if (file.findings.length === 0) continue;
      yield fileSection(file, { index, open: found.length <= mostOpen, explained: names }).html;
    }
    yield '</section>\n';
  }
  if (explained.length > 0) {
    yield html`<section aria-labelledby="rules"><h2 id="rules">The rules</h2>${explained.map(ruleSection)}</section>\n`
      .html;
  }
  yield `</main>\n<footer>Made by mabuild ${version}. <code>mabuild check --format html</code></footer>\n<script>${script}</script>\n</body></html>\n`;
}

// Whatever a Dockerfile says: no other script than this one runs, and nothing is asked for from anywhere.
const policy = `default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-${createHash('sha256').update(script).digest('base64')}'; base-uri 'none'; form-action 'none'`;

const tools: Markup = html`<div class="tools"><form id="filter" role="search" class="tools" hidden><label><span class="vh">Filter files by path or rule</span><input type="search" id="words" placeholder="Filter by path or rule" autocomplete="off"></label><button type="button" id="open">Open all</button><button type="button" id="close">Close all</button><output id="shown" class="faint"></output></form><label><input type="checkbox" id="only"> Only files with findings</label></div>
`;

const nav: Markup = html`<nav aria-label="Parts of this page"><ul><li><a href="#what">What is in the way</a></li><li><a href="#files">Files and platforms</a></li><li><a href="#found">File by file</a></li><li><a href="#rules">The rules</a></li></ul></nav>`;

function head(files: readonly FileFindings[], platforms: readonly string[]): Markup {
  const noun = files.every(({ path }) => dockerfileName.test(path)) ? 'Dockerfile' : 'file';
  const title = `${count(files.length, noun)} on ${sentenceList(platforms)}`;
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<title>${title} – mabuild</title>
<style>${{ html: style }}</style></head>
<body><a class="skip" href="#matrix">To the table of files</a>
<header><h1>${title}</h1>${intro(files)}
<ul class="tiles">${tiles(files, platforms)}</ul>
${files.some((file) => file.findings.length > 0) && nav}</header>
<main>
`;
}

function intro(files: readonly FileFindings[]): Markup {
  const findings = files.flatMap((file) => file.findings);
  if (findings.length === 0) return html`<p>Nothing was found that is in the way.</p>`;
  return html`<p>What breaks or is built wrong there, why, and what <code>mabuild migrate</code> makes of it.</p>`;
}

function tiles(files: readonly FileFindings[], platforms: readonly string[]): readonly Markup[] {
  const findings = files.flatMap((file) => file.findings);
  const fixable = findings.filter(isFixable).length;
  return [
    ...platforms.map((platform) => {
      const free = files.filter(
        (file) => !findingsFor(file, platform).some(({ severity }) => severity === 'error'),
      ).length;
      const share = files.length === 0 ? 0 : Math.floor((100 * free) / files.length);
      return html`<li class="tile"><b>${free.toLocaleString('en')} <span class="of">of ${files.length.toLocaleString('en')}</span></b><div class="bar" aria-hidden="true"><i style="width:${share}%"></i></div><span>have no error for ${platform}</span></li>`;
    }),
    html`<li class="tile wide"><b>${findings.length.toLocaleString('en')}</b>${countChips(countFindings(files))}<span> found in ${count(files.filter((file) => file.findings.length > 0).length, 'file')}</span></li>`,
    html`<li class="tile wide"><b>${fixable.toLocaleString('en')} <span class="of">of ${findings.length.toLocaleString('en')}</span></b><span>are fixed by <code>mabuild migrate</code></span></li>`,
  ];
}

function sentenceList(words: readonly string[]): string {
  return words.length > 1 ? `${words.slice(0, -1).join(', ')} and ${words.at(-1)}` : (words[0] ?? '');
}
