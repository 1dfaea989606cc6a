import { type CodeWord, readCode } from '../analysis/code-words.ts';
import { installationsOf } from '../analysis/install-operands.ts';
import { findPythonPackage, isBefore } from '../knowledge/python-packages.ts';
import { armPlatforms } from './code-finding.ts';
import type { Rule } from './rule.ts';
import { findingsOf, type WordHit } from './word-hits.ts';

const name = 'x86-wheel-url';

/** The name, version and tags of a wheel that is for x86 alone; PEP 427, File name convention. */
const wheel =
  /(?:[a-z+]+:\/\/[^\s"'#]*\/)?([A-Za-z0-9_.]+)-([^-/\s]+)-[\w.${}]+-[\w.${}]+-[\w.]*(?:linux|manylinux|musllinux)[\w.]*_(?:x86_64|i686)\.whl(?:#\S*)?/;

const trigger = /\.whl/;

export const x86WheelUrl: Rule = {
  name,
  summary: 'pip installs a wheel that is for x86 by its address.',
  page: {
    why: "The end of a wheel's name says what it is for: …linux_x86_64.whl is no wheel for ARM, and pip refuses it. By its name and version pip finds the wheel of the platform, where there is one.",
    bad: 'FROM python:3.7\nRUN pip install https://example.org/torch-1.4.0-cp37-cp37m-linux_x86_64.whl',
    good: 'FROM python:3.7\nRUN pip install torch==1.4.0',
    silent: [
      'The wheel is for all platforms: …-none-any.whl.',
      'The wheel is installed on x86 only: if, case.',
    ],
  },
  async check(dockerfile, context) {
    if (armPlatforms(context).length === 0 || !trigger.test(dockerfile.text)) return [];
    const installations = installationsOf(readCode(dockerfile, context), trigger);
    const hits = installations.flatMap(({ manager, words }) =>
      manager === 'pip' ? words.flatMap((word) => hitsOf(word)) : [],
    );
    return findingsOf(name, dockerfile, context, hits);
  },
};

function hitsOf(word: CodeWord): readonly WordHit[] {
  const { text } = word.mapped;
  if (!text.includes('.whl') || word.guarded || word.buildPlatform) return [];
  const match = wheel.exec(text);
  if (!match) return [];
  const [whole, project = '', version = ''] = match;
  const item = findPythonPackage(project.toLowerCase().replace(/[-_.]+/g, '-'));
  const isOwn = /^https:\/\/files\.pythonhosted\.org\//.test(whole);
  const isThere =
    item?.arm64From !== undefined && /^[\d.]+$/.test(version) && !isBefore(`==${version}`, item.arm64From);
  const start = match.index;
  return [
    {
      word,
      start,
      end: start + whole.length,
      // Who takes a wheel from somewhere else may have a build of his own.
      texts: isOwn && isThere ? { 'linux/arm64': `${project}==${version}` } : {},
      name: 'wheel',
      fix: 'semi',
      message: `${whole.slice(whole.lastIndexOf('/') + 1)} is for x86`,
      hint: isThere
        ? `pip finds the wheel for arm64 by its name: ${project}==${version}`
        : `ask for ${project}==${version} by its name, where there is a wheel or a source for the platform`,
    },
  ];
}
