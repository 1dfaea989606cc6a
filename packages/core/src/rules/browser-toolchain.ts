import { readCode } from '../analysis/code-words.ts';
import { hasCompiler } from '../analysis/compilers.ts';
import { installOperands } from '../analysis/install-operands.ts';
import { platformKey } from '../fixes/variation.ts';
import { browserToolNames, findBrowserTool } from '../knowledge/browser-tools.ts';
import { armPlatforms } from './code-finding.ts';
import { mentions } from './mentions.ts';
import type { Rule } from './rule.ts';
import { findingsOf, type WordHit } from './word-hits.ts';

const name = 'browser-toolchain';

export const browserToolchain: Rule = {
  name,
  summary:
    'A package brings a browser or another program along that is for x86: puppeteer, phantomjs, node-sass.',
  page: {
    why: 'Some packages of npm and PyPI download a program when they are installed. Puppeteer, ChromeDriver and PhantomJS have none for ARM on Linux, Playwright and Cypress none for 32 bits; node-sass compiles for a long time, or fails where there is no compiler.',
    bad: 'FROM node:20-bookworm-slim\nRUN npm i puppeteer playwright',
    good: 'FROM node:20-bookworm-slim\nENV PUPPETEER_SKIP_DOWNLOAD=1 PUPPETEER_EXECUTABLE_PATH=/usr/bin/chromium\nRUN apt-get update && apt-get install -y chromium && npm i puppeteer',
    silent: [
      "The file says that the package's own program is not used: PUPPETEER_EXECUTABLE_PATH, CHROMEDRIVER_FILEPATH.",
      'The package stands in package.json: this rule reads the Dockerfile alone.',
    ],
  },
  async check(dockerfile, context) {
    const platforms = armPlatforms(context);
    if (platforms.length === 0 || !mentions(dockerfile, context, browserToolNames)) return [];
    const reading = readCode(dockerfile, context);
    const hits = installOperands(reading, browserToolNames).flatMap((operand): readonly WordHit[] => {
      const { manager, word, start, end, text } = operand;
      if (word.guarded || word.buildPlatform) return [];
      const tool = findBrowserTool(manager, operand.name);
      if (!tool || tool.unless?.test(dockerfile.text)) return [];
      const compiles = tool.compiles && hasCompiler(dockerfile, reading, word.stage, context);
      return [
        {
          word,
          start,
          end,
          texts: {},
          severity: compiles || tool.installs ? 'warning' : 'error',
          platforms: platforms.filter((platform) => !tool.platforms.includes(platformKey(platform))),
          message: `${text} brings no program for this platform along`,
          hint: tool.hint,
        },
      ];
    });
    return findingsOf(name, dockerfile, context, hits);
  },
};
