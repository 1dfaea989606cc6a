import { type CodeWord, readCode } from '../analysis/code-words.ts';
import { findDownloads } from '../analysis/downloads.ts';
import { installOperands } from '../analysis/install-operands.ts';
import { resolveBase } from '../dockerfile/base.ts';
import type { Dockerfile } from '../dockerfile/model.ts';
import { armPlatforms, isLeftAlone } from './code-finding.ts';
import type { Finding, Rule, RuleContext } from './rule.ts';
import { findingsOf, type WordHit } from './word-hits.ts';

const name = 'conda-x86';

const installer =
  /\/(?:Mini|Ana)conda\d?-[^/\s]*Linux-x86_64\.sh|\/(?:Miniforge|Mambaforge)\d?-[^/\s]*Linux-x86_64\.sh/;
const intel = /^(?:mkl(?:[-_].*)?|intel-openmp|intelpython.*|blas=\*=mkl|libblas=\*=\*mkl)$/;
const bases = /^(?:docker\.io\/)?(?:continuumio|condaforge|mambaorg)\//;

const trigger = /conda|mamba|miniforge/i;
const subdir = /linux-64/;

export const condaX86: Rule = {
  name,
  summary:
    'conda is installed for x86, asked for linux-64 or for packages of Intel, or there is none for the platform.',
  page: {
    why: 'conda has packages for 64-bit ARM (linux-aarch64) since 2021, from version 4.9 on, and none for 32-bit ARM. CONDA_SUBDIR=linux-64 and lock files for linux-64 bring programs for x86 into every image; MKL is for x86 alone.',
    bad: 'FROM debian:bookworm\nENV CONDA_SUBDIR=linux-64\nRUN wget -q https://repo.anaconda.com/miniconda/Miniconda3-latest-Linux-x86_64.sh',
    good: 'FROM debian:bookworm\nRUN apt-get update && apt-get install -y python3-numpy',
    perArch: {
      platform: 'linux/arm64',
      text: 'RUN wget -q https://repo.anaconda.com/miniconda/Miniconda3-latest-Linux-aarch64.sh',
    },
    silent: [
      'For arm64: the address of an installer, of which known-asset-x86-url speaks.',
      'conda is used on x86 only: if, case, a stage named for it.',
    ],
  },
  async check(dockerfile, context) {
    const platforms = armPlatforms(context);
    if (platforms.length === 0 || !trigger.test(dockerfile.text)) return [];
    const reading = readCode(dockerfile, context);
    const arm32 = platforms.filter(({ architecture }) => architecture === 'arm');
    const packages = installOperands(reading, trigger).flatMap((operand): readonly WordHit[] => {
      const { manager, word, start, end, text } = operand;
      if (manager !== 'conda' || !intel.test(operand.name) || isLeftAlone(word)) return [];
      const message = `${text}: MKL is for x86 alone`;
      const hint = 'leave it out: conda takes OpenBLAS on ARM';
      return [{ word, start, end, texts: {}, message, hint }];
    });
    const installers = findDownloads(reading).flatMap((download): readonly WordHit[] => {
      const { word, url, start } = download;
      // no-asset-for-target says it of the installers that it knows.
      const told = new Set(download.asset?.absent.map(({ platform }) => platform));
      const rest = arm32.filter(({ variant }) => !told.has(`linux/arm/${variant}`));
      if (!installer.test(url) || isLeftAlone(word) || rest.length === 0) return [];
      const message = 'conda has no packages for 32-bit ARM';
      return [{ word, start, end: start + url.length, texts: {}, platforms: rest, message, hint: python }];
    });
    const hits = [...packages, ...installers, ...reading.wordsAbout(subdir).flatMap(subdirHits)];
    return [
      ...findingsOf(name, dockerfile, context, hits),
      ...(arm32.length > 0 ? baseFindings(dockerfile, context, arm32) : []),
    ];
  },
};

const python = "use python3 and the distribution's python3-… packages, or pip, there";

/** CONDA_SUBDIR, `--platform linux-64`, `conda config --set subdir linux-64` and lock files. */
function subdirHits(word: CodeWord): readonly WordHit[] {
  const { text } = word.mapped;
  const at = text.indexOf('linux-64');
  if (at < 0 || isLeftAlone(word)) return [];
  const span = { word, start: at, end: at + 'linux-64'.length };
  if (/(?:^|[/-])linux-64\.(?:lock|txt|ya?ml)$/.test(text)) {
    const hint = 'give each platform a lock file of its own';
    return [{ ...span, texts: {}, message: `${text} is a list of packages for x86`, hint }];
  }
  const isValue =
    (word.name === 'CONDA_SUBDIR' && text === 'linux-64') ||
    text === 'CONDA_SUBDIR=linux-64' ||
    /^--(?:platform|subdir)=linux-64$/.test(text);
  const isOperand =
    text === 'linux-64' &&
    /^(?:.*\/)?(?:conda|mamba|micromamba)$/.test(word.command?.name ?? '') &&
    /^(?:--platform|--subdir|subdir)$/.test(word.command?.words[(word.index ?? 0) - 1]?.text ?? '');
  if (!isValue && !isOperand) return [];
  const texts = { 'linux/arm64': 'linux-aarch64' };
  return [{ ...span, texts, name: 'subdir', message: 'conda is asked for packages for x86' }];
}

/** Images that hold conda; which of their tags are for arm64, the rule about bases says. */
function baseFindings(
  dockerfile: Dockerfile,
  context: RuleContext,
  platforms: Finding['platforms'],
): readonly Finding[] {
  return dockerfile.stages.flatMap((stage): readonly Finding[] => {
    let image = '';
    try {
      const base = resolveBase(dockerfile, stage, context);
      if (base.kind !== 'image') return [];
      image = base.name;
    } catch {
      return [];
    }
    if (!bases.test(image) || stage.platform !== undefined) return [];
    const { range } = stage.base;
    const message = `${image} is conda, which has no packages for 32-bit ARM`;
    return [
      { rule: name, severity: 'error', platforms, message, hint: python, range, fix: 'none', edits: [] },
    ];
  });
}
