import { isArmelBase } from '../analysis/armel-base.ts';
import { type CodeWord, readCode } from '../analysis/code-words.ts';
import type { Dockerfile } from '../dockerfile/model.ts';
import { platformKey } from '../fixes/variation.ts';
import { nameIn } from '../knowledge/architecture-names.ts';
import { armPlatforms } from './code-finding.ts';
import { groupedFindings } from './grouped-hits.ts';
import type { Rule, RuleContext } from './rule.ts';
import type { WordHit } from './word-hits.ts';

const name = 'rust-target-x86';

/** Not in the middle of a file name, where it is a download's; a toolchain's name ends with its host. */
const triple =
  /(?<![\w.-]|(?<!stable|nightly|beta|nightly-[\d-]{10}|\d\.\d+(?:\.\d+)?)-)x86_64-unknown-linux-(gnu|musl)(?![\w.-])|(?<=(?:stable|nightly|beta|nightly-[\d-]{10}|\d\.\d+(?:\.\d+)?)-)x86_64-unknown-linux-(gnu|musl)(?![\w.-])/g;
const rustCommands: ReadonlySet<string> = new Set([
  'cargo',
  'rustup',
  'rustup-init',
  'cross',
  'rustc',
  'maturin',
  'wasm-pack',
]);

const trigger = /x86_64-unknown-linux/;

export const rustTargetX86: Rule = {
  name,
  summary: "Rust's target is fixed to x86.",
  page: {
    why: 'cargo build --target x86_64-… makes an x86 program on every platform, or fails where that target is not installed; the copies from target/x86_64-… follow it.',
    bad: 'FROM rust:1 AS b\nRUN rustup target add x86_64-unknown-linux-musl && cargo build --release --target x86_64-unknown-linux-musl\nFROM scratch\nCOPY --from=b /target/x86_64-unknown-linux-musl/release/app /app',
    good: 'FROM rust:1 AS b\nRUN cargo build --release && cp target/release/app /app\nFROM scratch\nCOPY --from=b /app /app',
    perArch: {
      platform: 'linux/arm64',
      text: 'FROM --platform=linux/arm64 arm64v8/rust:1 AS b\nRUN cargo build --release --target aarch64-unknown-linux-musl',
    },
    silent: [
      'The triple is part of an address or of an archive’s name.',
      'The file also builds for ARM targets.',
    ],
  },
  async check(dockerfile, context) {
    if (armPlatforms(context).length === 0 || !trigger.test(dockerfile.text)) return [];
    // Several targets are meant.
    if (/(?:aarch64|armv7|arm)-unknown-linux/.test(dockerfile.text)) return [];
    const words = readCode(dockerfile, context)
      .wordsAbout(trigger)
      .filter((word) => mayName(word));
    const hits = words.flatMap((word) => hitsOf(dockerfile, context, word));
    const isRust = hits.some(({ word }) => speaksOfRust(word));
    if (!isRust) return [];
    const ownLinker = /X86_64_UNKNOWN_LINUX|x86_64_unknown_linux/.test(dockerfile.text);
    return groupedFindings(
      name,
      dockerfile,
      context,
      ownLinker ? hits.map((hit) => ({ ...hit, texts: {}, hint: linkerHint })) : hits,
    );
  },
};

const linkerHint =
  'variables such as CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER carry the target in their names: set them for each target, or build without --target';

function mayName({ guarded, role, command, mapped }: CodeWord): boolean {
  if (guarded || role === 'label' || !mapped.text.includes('x86_64-unknown-linux')) return false;
  return command?.name !== 'echo';
}

function speaksOfRust({ command, name: variable, mapped, role }: CodeWord): boolean {
  if (command?.name !== undefined && rustCommands.has(command.name)) return true;
  if (/CARGO|RUST/.test(variable ?? '')) return true;
  return role === 'source'
    ? /\btarget\//.test(mapped.text)
    : /--default-host|(?:target|rustlib)\/x86_64/.test(mapped.text);
}

function hitsOf(dockerfile: Dockerfile, context: RuleContext, word: CodeWord): readonly WordHit[] {
  const { text } = word.mapped;
  return [...text.matchAll(triple)].flatMap((match): readonly WordHit[] => {
    if (/:\/\/[^\s"']*$/.test(text.slice(0, match.index))) return [];
    const isMusl = match[0].endsWith('musl');
    const texts: Record<string, string> = {};
    for (const platform of armPlatforms(context)) {
      const key = platformKey(platform);
      // Soft-float Debian has its own.
      const armel = key === 'linux/arm/v6' && !isMusl && isArmelBase(dockerfile, word.stage, context);
      const own = armel ? 'arm-unknown-linux-gnueabi' : nameIn(isMusl ? 'rust-musl' : 'rust-gnu', platform);
      if (own !== undefined) texts[key] = own;
    }
    return [
      {
        word,
        start: match.index,
        end: match.index + match[0].length,
        texts,
        name: 'target',
        fix: 'semi',
        message: `${match[0]} is Rust's target for x86`,
      },
    ];
  });
}
