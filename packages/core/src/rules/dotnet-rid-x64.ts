import { type CodeWord, readCode } from '../analysis/code-words.ts';
import { armPlatforms } from './code-finding.ts';
import { groupedFindings } from './grouped-hits.ts';
import type { Rule } from './rule.ts';
import type { WordHit } from './word-hits.ts';

const name = 'dotnet-rid-x64';

const rid =
  /(?<![\w.-])(?:linux(?:-musl)?|alpine(?:\.[\d.]+)?|ubuntu(?:\.[\d.]+)?|debian(?:\.\d+)?)-x64(?![\w.-])/g;
const option = /^(?:-r|--runtime|--os-arch|-a|--arch)$/;
const property = /^(?:[-/]{1,2}p(?:roperty)?:)?RuntimeIdentifiers?=/i;

const trigger = /x64/;

export const dotnetRidX64: Rule = {
  name,
  summary: "A .NET runtime identifier is x64's.",
  page: {
    why: 'dotnet publish -r linux-x64 puts an x64 host and x64 native libraries into the output: on ARM the program does not start.',
    bad: 'FROM mcr.microsoft.com/dotnet/sdk:8.0\nRUN dotnet publish -r linux-x64 -o /app',
    good: 'FROM mcr.microsoft.com/dotnet/sdk:8.0\nARG TARGETARCH\nRUN dotnet publish -a $TARGETARCH -o /app',
    perArch: {
      platform: 'linux/arm/v7',
      text: 'FROM mcr.microsoft.com/dotnet/sdk:8.0\nRUN dotnet publish -r linux-arm -o /app',
    },
    silent: ['The identifier is part of an address: the download is the finding.'],
  },
  async check(dockerfile, context) {
    if (armPlatforms(context).length === 0 || !trigger.test(dockerfile.text)) return [];
    const words = readCode(dockerfile, context)
      .wordsAbout(trigger)
      .filter(({ guarded, role, mapped }) => !guarded && role !== 'label' && mapped.text.includes('x64'));
    const hits = words.flatMap((word) => hitsOf(word));
    if (!hits.some(({ word }) => isBuild(word))) return [];
    return groupedFindings(name, dockerfile, context, hits);
  },
};

/** What fixes the identifier, rather than following it. */
function isBuild({ command, mapped, name: variable }: CodeWord): boolean {
  return command?.name === 'dotnet' || property.test(mapped.text) || /RUNTIME|RID/i.test(variable ?? '');
}

function hitsOf(word: CodeWord): readonly WordHit[] {
  const { text } = word.mapped;
  if (text.includes('://')) return [];
  const before = word.index === undefined ? '' : (word.command?.words[word.index - 1]?.text ?? '');
  const isArch = word.command?.name === 'dotnet' && text === 'x64' && /^(?:-a|--arch)$/.test(before);
  const spans = isArch ? [{ start: 0, end: 3 }] : ridSpans(word, before);
  return spans.map(({ start, end }) => {
    const stem = text.slice(start, end).slice(0, -'x64'.length);
    return {
      word,
      start,
      end,
      texts: { 'linux/arm64': `${stem}arm64`, 'linux/arm/v7': `${stem}arm` },
      name: 'rid',
      message: `${text.slice(start, end)} is .NET's identifier of x64`,
    };
  });
}

function ridSpans(
  word: CodeWord,
  before: string,
): readonly { readonly start: number; readonly end: number }[] {
  const { text } = word.mapped;
  return [...text.matchAll(rid)].flatMap((match) => {
    const whole = match[0] === text;
    const known =
      (whole && option.test(before)) ||
      (whole && /RUNTIME|RID/i.test(word.name ?? '')) ||
      property.test(text) ||
      /^--(?:runtime|arch)[=:]/.test(text) ||
      // The folder that dotnet publishes to.
      /(?:^|\/)(?:bin|publish|out|net(?:coreapp|standard)?\d[\w.]*)\//i.test(text);
    return known ? [{ start: match.index, end: match.index + match[0].length }] : [];
  });
}
