import { isLeftOut } from '../analysis/code-words.ts';
import type { Dockerfile, Flag, Instruction, Stage, TextEdit } from '../dockerfile/model.ts';
import { type MountField, readMount } from '../dockerfile/mounts.ts';
import { canDeclare, declareArgs } from '../fixes/declare-args.ts';
import { armPlatforms } from './code-finding.ts';
import type { Finding, Rule } from './rule.ts';

const name = 'cache-mount-shared-across-arch';

/** Folders whose contents are for one architecture; what is named by its content, or by its platform, is safe. */
const unsafe: readonly (readonly [RegExp, string])[] = [
  [/(?:^|\/)target$/, 'Rust’s target folder'],
  [/(?:^|\/)\.?s?ccache$/, 'the cache of a compiler'],
  [/(?:^|\/)node_modules$/, 'node_modules with compiled addons'],
  [/(?:^|\/)\.?venv$/, 'a virtual environment'],
  [/^\/var\/(?:lib\/apt(?:\/lists)?|cache\/apt)$/, 'apt’s state'],
  [/^\/(?:var\/cache\/apk|etc\/apk\/cache)$/, 'apk’s packages'],
  [/(?:^|\/)\.conan2?(?:\/|$)/, 'Conan’s packages'],
  [/(?:^|\/)(?:cmake-)?build$/, 'a build folder'],
];
/** `$TARGETARCH`, or a word for the architecture in a file that is for one. */
const told = /\$\{?\w*(?:ARCH|PLATFORM|VARIANT)|amd64|x86_64|arm64|aarch64|arm\b|armv\d|armhf/i;

export const cacheMountSharedAcrossArch: Rule = {
  name,
  summary: 'A cache mount is shared between architectures, and holds what is built for one.',
  page: {
    why: 'BuildKit names a cache mount by its id, or else by its target: builds for amd64 and arm64 that run at once share it. Cargo’s target folder, ccache, node_modules and apt’s lists then mix what belongs to different architectures.',
    bad: 'FROM rust:1\nRUN --mount=type=cache,target=/src/target cargo build --release && cp target/release/app /app',
    good: 'FROM rust:1\nARG TARGETARCH\nARG TARGETVARIANT\nRUN --mount=type=cache,id=target-$TARGETARCH$TARGETVARIANT,target=/src/target cargo build --release && cp target/release/app /app',
    silent: [
      'The id or the target has a variable for the platform.',
      'What is cached is named by its content or platform: Go’s caches, npm, pip.',
      'apt’s folders with sharing=locked, sharing=private or in a stage on the build platform.',
    ],
  },
  async check(dockerfile, context) {
    const platforms = armPlatforms(context);
    if (platforms.length === 0 || !dockerfile.text.includes('type=cache')) return [];
    return dockerfile.stages.flatMap((stage) => {
      const buildPlatform = /\bBUILD(?:PLATFORM|OS|ARCH)\b/.test(stage.platform?.value ?? '');
      if (isLeftOut(stage)) return [];
      return stage.instructions.flatMap((instruction) =>
        instruction.flags.flatMap((flag): readonly Finding[] => {
          const shared = sharedCache(flag, buildPlatform);
          if (!shared) return [];
          const edits = withId(dockerfile, stage, instruction, shared);
          return [
            {
              rule: name,
              severity: 'warning',
              platforms,
              message: `${shared.what} in ${shared.target} is shared by the builds of all platforms`,
              hint: 'give the mount an id with $TARGETARCH$TARGETVARIANT in it',
              range: flag.range,
              fix: edits.length > 0 ? 'auto' : 'suggest',
              edits,
            },
          ];
        }),
      );
    });
  },
};

interface SharedCache {
  readonly what: string;
  readonly target: string;
  readonly id: MountField | undefined;
  readonly flag: Flag;
}

function sharedCache(flag: Flag, buildPlatform: boolean): SharedCache | undefined {
  if (flag.name !== 'mount') return undefined;
  const fields = readMount(flag);
  const value = (...keys: readonly string[]): string | undefined =>
    fields.find(({ key }) => keys.includes(key))?.value;
  if (value('type') !== 'cache') return undefined;
  const target = (value('target', 'dst', 'destination') ?? '').replace(/(?<=.)\/$/, '');
  const id = fields.find(({ key }) => key === 'id');
  const what = unsafe.find(([folder]) => folder.test(target))?.[1];
  if (what === undefined || told.test(target) || told.test(id?.value ?? '')) return undefined;
  const sharing = value('sharing');
  if (sharing === 'private') return undefined;
  // Lists and packages of apt and apk carry the architecture in their names: only writing at once is a danger.
  const isPackages = /^\/(?:var|etc)\//.test(target);
  if (isPackages && (sharing === 'locked' || buildPlatform)) return undefined;
  return { what, target, id, flag };
}

/** `id=target-$TARGETARCH$TARGETVARIANT`, and the ARGs for it. */
function withId(
  dockerfile: Dockerfile,
  stage: Stage,
  instruction: Instruction,
  { id, target, flag }: SharedCache,
): readonly TextEdit[] {
  const args = ['TARGETARCH', 'TARGETVARIANT'];
  const use = { stage, instruction, args };
  if (instruction.keyword === 'ONBUILD' || !canDeclare(dockerfile, use)) return [];
  const suffix = '-$TARGETARCH$TARGETVARIANT';
  const edit = id ? append(id, suffix) : insert(dockerfile, flag, `id=${slug(target)}${suffix},`);
  return edit ? [...declareArgs(dockerfile, [use]), edit] : [];
}

function append({ word }: MountField, text: string): TextEdit | undefined {
  const end = word?.pieces.at(-1)?.end;
  return end === undefined ? undefined : { start: end, end, newText: text };
}

/** Behind `type=cache,`. */
function insert({ text }: Dockerfile, flag: Flag, field: string): TextEdit | undefined {
  const [piece] = flag.valuePieces ?? [];
  if (!piece) return undefined;
  const first = 'type=cache,';
  const start = text.startsWith(first, piece.start) ? piece.start + first.length : piece.start;
  return { start, end: start, newText: field };
}

function slug(target: string): string {
  return target.replace(/[^\w.]+/g, '-').replace(/^[-.]+|-+$/g, '') || 'cache';
}
