import { Attached } from '../attached.ts';
import type { Dockerfile, Stage } from '../dockerfile/model.ts';
import { readMount } from '../dockerfile/mounts.ts';

/** The names of the parts of one stage. */
export interface SplitNames {
  /** One for each place that is split: `app` of `app-base`, `app-amd64`, … */
  readonly prefixes: readonly string[];
  /** The name of the last part, which is the stage's own. */
  readonly last: string;
}

/** Finds names for stages that no stage and no image of the file is called by. */
export class StageNames {
  private readonly taken: Set<string>;
  private readonly suffixes: readonly string[];

  constructor(dockerfile: Dockerfile, labels: readonly string[]) {
    this.taken = new Set(namesIn(dockerfile));
    this.suffixes = ['base', 'amd64', ...labels].map((label) => `-${label}`);
  }

  of(dockerfile: Dockerfile, stage: Stage, count: number): SplitNames {
    const isLast = stage.index === dockerfile.stages.length - 1;
    const last = stage.from.words[2]?.raw ?? this.free(isLast ? 'app' : `stage${stage.index}`, ['']);
    const stem = stage.name ?? last;
    const prefixes = Array.from({ length: count }, (_, index) =>
      this.free(index === 0 ? stem : `${stem}-${index + 1}`, this.suffixes),
    );
    return { prefixes, last };
  }

  private free(stem: string, endings: readonly string[]): string {
    let name = stem;
    for (let count = 2; endings.some((ending) => this.isTaken(name + ending)); count += 1) {
      name = `${stem}${count}`;
    }
    for (const ending of endings) this.taken.add(name + ending);
    return name;
  }

  /** A name with a variable in it may become any that begins alike. */
  private isTaken(name: string): boolean {
    if (this.taken.has(name)) return true;
    return [...this.taken].some((other) => {
      const variable = other.indexOf('$');
      return variable > 0 && name.startsWith(other.slice(0, variable));
    });
  }
}

const known = new Attached<Dockerfile, readonly string[]>();

/** What FROM and `from=` name, and the names of stages, in lower case. */
function namesIn(dockerfile: Dockerfile): readonly string[] {
  const { stages, instructions } = dockerfile;
  const names =
    known.get(dockerfile) ??
    [
      ...stages.flatMap(({ name, base }) => (name === undefined ? [base.raw] : [name, base.raw])),
      ...instructions.flatMap(({ flags }) =>
        flags.flatMap((flag) => {
          if (flag.name === 'from') return flag.value ?? [];
          if (flag.name !== 'mount') return [];
          return readMount(flag).flatMap(({ key, value }) => (key === 'from' && value ? [value] : []));
        }),
      ),
    ].map((name) => name.toLowerCase());
  known.set(dockerfile, names);
  return names;
}
