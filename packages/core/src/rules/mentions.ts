import { Attached } from '../attached.ts';
import type { Dockerfile } from '../dockerfile/model.ts';
import type { RuleContext } from './rule.ts';

/**
 * Words of which a file must have one for there to be anything to find; most files have few of them. They match more than
 * the rules do: names that come together out of variables, too.
 */
export const wordsOf: Readonly<Record<'x86' | 'address' | 'pip' | 'packages' | 'checksum', RegExp>> = {
  x86: /amd64|x86|x64|em64t|intel64|ia32|i[3-6]86|[-_/=]386|(?:64|32)-?bit|linux[-_]?(?:64|32)|(?:\b(?:amd|x|i)|x86[-_]?|linux[-_]?|-)\$|\}[-_]?(?:64|32|86)/i,
  address: /:\/\/|\$\{?\w+\}?\//,
  pip: /\bpip/,
  packages: /\b(?:apt|yum|dnf|tdnf|microdnf|zypper|rpm)/,
  checksum: /[0-9a-f]{32}|asset-here|mabuild: put in/i,
};

const answers = new Attached<Dockerfile, Map<RegExp, boolean>>();

/**
 * Tells whether a file may have one of some words.
 *
 * Asked before its code is read, which takes longer. The values of build arguments, and words that go on in the next
 * line, may hold what the text does not.
 */
export function mentions(dockerfile: Dockerfile, context: RuleContext, words: RegExp): boolean {
  if (context.thorough || Object.keys(context.buildArgs).length > 0) return true;
  let known = answers.get(dockerfile);
  if (!known) {
    known = new Map<RegExp, boolean>();
    answers.set(dockerfile, known);
  }
  let answer = known.get(words);
  if (answer === undefined) {
    answer = words.test(dockerfile.text) || (words !== splitWord && mentions(dockerfile, context, splitWord));
    known.set(words, answer);
  }
  return answer;
}

/** A word that goes on in the next line. */
const splitWord = /[^\s\\&|;][\\`]\r?\n[^\s#]/;
