import { type CodeWord, readCode } from '../analysis/code-words.ts';
import { installOperands } from '../analysis/install-operands.ts';
import { armPlatforms, isLeftAlone } from './code-finding.ts';
import type { Rule } from './rule.ts';
import { findingsOf, type WordHit } from './word-hits.ts';

const name = 'closed-source-db-client';

const oracle =
  /(?:oracle-)?instantclient[\w.-]*?(?:linux[._-]?x64|linuxx64|linux\.x86-64|linux-x86-64|\.x86_64\.rpm|linux\.x64)[\w.-]*/i;

const trigger = /instantclient|mssql|msodbc/i;

export const closedSourceDbClient: Rule = {
  name,
  summary:
    "A database client is installed whose makers publish it for x64: Oracle's Instant Client, msodbcsql17.",
  page: {
    why: 'Oracle publishes Instant Client for arm64 from 19.10 on, Microsoft its ODBC driver for arm64 as msodbcsql18. The versions before that are for x64 alone, and for 32-bit ARM there is none.',
    bad: 'FROM debian:bookworm\nADD instantclient-basic-linux.x64-19.19.zip /tmp/',
    good: 'FROM debian:bookworm\nRUN apt-get update && apt-get install -y freetds-bin',
    silent: ['For arm64: msodbcsql18 and mssql-tools18.', 'The client is installed on x86 only: if, case.'],
  },
  async check(dockerfile, context) {
    const platforms = armPlatforms(context);
    if (platforms.length === 0 || !trigger.test(dockerfile.text)) return [];
    const reading = readCode(dockerfile, context);
    const arm32 = platforms.filter(({ architecture }) => architecture === 'arm');
    const packages = installOperands(reading, trigger).flatMap((operand): readonly WordHit[] => {
      const { manager, word, start, end } = operand;
      if ((manager !== 'apt' && manager !== 'rpm' && manager !== 'apk') || isLeftAlone(word)) return [];
      const match = /^(msodbcsql|mssql-tools)(\d*)$/.exec(operand.name);
      if (!match) return [];
      const isNew = Number(match[2] || 17) >= 18;
      return [
        {
          word,
          start,
          end,
          texts: {},
          platforms: isNew ? arm32 : platforms,
          message: `${operand.name} is published for x64${isNew ? ' and arm64' : ''} alone`,
          hint: `${match[1]}18 is published for arm64 too; FreeTDS (tdsodbc) is free software for every platform`,
        },
      ];
    });
    return findingsOf(name, dockerfile, context, [
      ...packages,
      ...reading.wordsAbout(trigger).flatMap(oracleHits),
    ]);
  },
};

function oracleHits(word: CodeWord): readonly WordHit[] {
  const { text } = word.mapped;
  if (isLeftAlone(word) || word.role === 'destination' || !/instantclient/i.test(text)) return [];
  const shows =
    word.command?.name === 'echo' || word.command?.name === 'rm' || word.command?.name === 'unzip';
  const match = shows ? null : oracle.exec(text);
  if (!match) return [];
  return [
    {
      word,
      start: match.index,
      end: match.index + match[0].length,
      texts: {},
      message: "Oracle's Instant Client is for x64",
      hint: 'from 19.10 on there is one for arm64 (linux.arm64), and none for 32-bit ARM',
    },
  ];
}
