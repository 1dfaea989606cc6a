import { type CodeReading, rangeOfWord, readCode } from '../analysis/code-words.ts';
import type { Range } from '../dockerfile/model.ts';
import { armPlatforms } from './code-finding.ts';
import type { Finding, Rule } from './rule.ts';

const name = 'page-size-hazard';

const trigger = /jemalloc/i;

export const pageSizeHazard: Rule = {
  name,
  summary: 'jemalloc is built for the page size of the machine that builds.',
  page: {
    why: 'jemalloc takes the page size of the machine that compiles it. Some arm64 machines have pages of 16 or 64 KB (Raspberry Pi 5, Asahi, older Red Hat kernels): there a jemalloc that was built for 4 KB stops with “Unsupported system page size”.',
    bad: 'FROM debian:12\nRUN cd /usr/src/jemalloc && ./configure && make install',
    good: 'FROM debian:12\nRUN cd /usr/src/jemalloc && ./configure --with-lg-page=16 && make install',
    silent: [
      'The script sets lg-page.',
      'The library comes from the distribution, which builds it for all page sizes.',
    ],
  },
  async check(dockerfile, context) {
    const platforms = armPlatforms(context).filter(({ architecture }) => architecture === 'arm64');
    if (platforms.length === 0 || !trigger.test(dockerfile.text)) return [];
    return builds(readCode(dockerfile, context)).map(
      (range): Finding => ({
        rule: name,
        severity: 'info',
        platforms,
        message: 'jemalloc is built for the page size of the machine that builds',
        hint: '--with-lg-page=16 (JEMALLOC_SYS_WITH_LG_PAGE=16 for Rust) suits every page size',
        range,
        fix: 'none',
        edits: [],
      }),
    );
  },
};

/** The configure of jemalloc's own source, or the option of a program that builds it along. */
function builds(reading: CodeReading): readonly Range[] {
  const told = new Set<unknown>();
  const { scripts } = reading;
  return reading.wordsAbout(trigger).flatMap((word): readonly Range[] => {
    const { script, command, mapped } = word;
    if (!script || !command || word.guarded || told.has(script)) return [];
    const text = script.logical.text;
    if (!/jemalloc/i.test(text) || /lg.page/i.test(text) || !scripts.includes(script)) return [];
    const isSource =
      command.name === 'configure' && word.index === 0 && /jemalloc/.test(text.slice(0, command.start));
    const isOption = word.role === 'argument' && /^-D\w*JEMALLOC\w*=(?:ON|1|yes)$/i.test(mapped.text);
    if (!isSource && !isOption) return [];
    // apt's library is no source.
    if (isSource && !/jemalloc[^\s;&|]*(?:\.tar|\.git|\.t[bg]z|\/|\s*&&\s*\.\/)|cd\s+\S*jemalloc/.test(text))
      return [];
    told.add(script);
    return [rangeOfWord(word)];
  });
}
