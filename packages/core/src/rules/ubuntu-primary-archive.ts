import { type CodeWord, readCode } from '../analysis/code-words.ts';
import { armPlatforms, isLeftAlone } from './code-finding.ts';
import type { Rule } from './rule.ts';
import { findingsOf, type WordHit } from './word-hits.ts';

const name = 'ubuntu-primary-archive';

/** A host of the primary archive, and the folder behind it; in a pattern of sed the dots may be escaped. */
const archive =
  /(?<![\w.-])(?:[a-z]{2}\.)?(?:archive|security)\\?\.ubuntu\\?\.com(\/ubuntu(?![\w-]))?(?![\w-]|\.[a-z])/g;
const ports = 'ports.ubuntu.com/ubuntu-ports';
/** Commands that look at an address, or fetch a file from it. */
const reading: ReadonlySet<string> = new Set([
  'grep',
  'egrep',
  'awk',
  'ping',
  'nslookup',
  'dig',
  'host',
  'curl',
  'wget',
]);

const trigger = /ubuntu\\?\.com/;

export const ubuntuPrimaryArchive: Rule = {
  name,
  summary: "A source of apt is Ubuntu's archive for x86: archive.ubuntu.com, security.ubuntu.com.",
  page: {
    why: "archive.ubuntu.com and security.ubuntu.com hold packages for amd64 and i386. Ubuntu's packages for ARM are at ports.ubuntu.com/ubuntu-ports; with the wrong archive apt-get update ends with 404.",
    bad: 'FROM ubuntu:22.04\nRUN echo "deb http://archive.ubuntu.com/ubuntu jammy universe" >> /etc/apt/sources.list',
    good: 'FROM ubuntu:22.04\nRUN add-apt-repository -y universe',
    perArch: {
      platform: 'linux/arm64',
      text: 'RUN echo "deb http://ports.ubuntu.com/ubuntu-ports jammy universe" >> /etc/apt/sources.list',
    },
    silent: [
      'The instruction names ports.ubuntu.com too.',
      'The source is written on x86 only: if, case.',
      'The archive is a folder of a mirror: https://example.org/sites/archive.ubuntu.com/….',
      'The address is only read: grep, ping. Of what curl and wget download other rules speak.',
    ],
  },
  async check(dockerfile, context) {
    if (armPlatforms(context).length === 0 || !trigger.test(dockerfile.text)) return [];
    const hits = readCode(dockerfile, context)
      .wordsAbout(trigger)
      .flatMap((word) => hitsOf(word));
    return findingsOf(name, dockerfile, context, hits);
  },
};

function hitsOf(word: CodeWord): readonly WordHit[] {
  const { text } = word.mapped;
  if (!text.includes('ubuntu') || isLeftAlone(word)) return [];
  if (word.instruction.logical.text.includes('ports.ubuntu.com')) return [];
  const command = word.command?.name ?? '';
  if (reading.has(command) || word.role === 'source') return [];
  if (word.role === 'destination' || word.role === 'redirect' || word.role === 'setting') return [];
  const edits = command === 'sed' || command === 'perl';
  return [...text.matchAll(archive)].flatMap((match): readonly WordHit[] => {
    // A folder of a mirror; in a pattern of sed the slash may be its own.
    if (!edits && /(?<!\/)\/$/.test(text.slice(0, match.index))) return [];
    const span = { word, start: match.index, end: match.index + match[0].length };
    if (edits) {
      const message = "the pattern matches nothing on ARM, where Ubuntu's archive is ports.ubuntu.com";
      const hint = 'replace ports.ubuntu.com/ubuntu-ports too, if the mirror has it';
      return [{ ...span, texts: {}, severity: 'info', message, hint }];
    }
    // Ubuntu has no packages for ARMv6.
    const texts = match[1] ? { 'linux/arm64': ports, 'linux/arm/v7': ports } : {};
    const message = `${match[0]} has packages for x86 alone`;
    const hint = `${ports} has those for arm64 and armhf`;
    return [{ ...span, texts, name: 'mirror', message, hint }];
  });
}
