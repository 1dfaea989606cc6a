import { type Trace, wordMark } from './sandbox.ts';
import type { ExecutedSteps } from './walk.ts';

const installers: readonly (readonly [program: RegExp, verb: RegExp])[] = [
  [/^(?:apt-get|apt|aptitude|yum|dnf|microdnf|zypper)$/, /^(?:install|localinstall|build-dep)$/],
  [/^apk$/, /^add$/],
  [/^pip[\d.]*$/, /^install$/],
  [/^(?:npm|yarn|pnpm)$/, /^(?:install|i|add|global)$/],
  [/^(?:gem|cargo|conda|mamba|go)$/, /^(?:install|get)$/],
];
/** Options whose value is the next word. */
const withValue =
  /^(?:-t|--virtual|-c|-r|--requirement|-X|--repository|--index-url|--extra-index-url|-o|--root|--version)$/;

/** What a build fetches and where it puts things: URLs, packages and paths, sorted, each once. */
export function factsOf({ traces, copies }: ExecutedSteps): readonly string[] {
  const facts = new Set<string>();
  for (const copy of copies) for (const url of urls(copy)) facts.add(url);
  for (const call of traces.flatMap(({ calls }: Trace) => calls)) {
    const words = call.split(wordMark);
    for (const url of urls(call)) facts.add(url);
    for (const name of packages(words)) facts.add(`${words[0]} ${name}`);
    for (const word of words.slice(1)) if (/^[\w.~-]*(?:\/[\w.+~@:-]+)+\/?$/.test(word)) facts.add(word);
  }
  return [...facts].sort();
}

function urls(text: string): readonly string[] {
  return text
    .split(wordMark)
    .flatMap((word) => [...word.matchAll(/\b(?:https?|ftp|git):\/\/[^\s"'<>|]+/g)].map(([url]) => url));
}

function packages([program = '', ...words]: readonly string[]): readonly string[] {
  const verb = installers.find(([name]) => name.test(program))?.[1];
  const at = verb ? words.findIndex((word) => verb.test(word)) : -1;
  if (at < 0) return [];
  return words
    .slice(at + 1)
    .filter(
      (word, index, all) => !word.startsWith('-') && !withValue.test(all[index - 1] ?? '') && word !== '',
    );
}
