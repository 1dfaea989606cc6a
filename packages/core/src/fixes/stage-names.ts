import type { Dockerfile, Stage } from '../dockerfile/model.ts';

/** The names of the parts of one stage. */
export interface SplitNames {
  /** One for each place that is split: `app` of `app-base`, `app-amd64`, … */
  readonly prefixes: readonly string[];
  /** The name of the last part, which is the stage's own. */
  readonly last: string;
}

/** Finds names for stages that nothing in the file is called by. */
export class StageNames {
  private text: string;
  private readonly suffixes: readonly string[];

  constructor(text: string, labels: readonly string[]) {
    this.text = text.toLowerCase();
    this.suffixes = ['base', 'amd64', ...labels];
  }

  of(dockerfile: Dockerfile, stage: Stage, count: number): SplitNames {
    const stem = stage.name ?? (stage.index === dockerfile.stages.length - 1 ? 'app' : `stage${stage.index}`);
    const last = stage.from.words[2]?.raw ?? this.free(stem, ['']);
    const prefixes: string[] = [];
    for (let index = 0; index < count; index += 1) {
      prefixes.push(
        this.free(
          stage.name ?? last,
          this.suffixes.map((suffix) => `-${suffix}`),
        ),
      );
    }
    return { prefixes, last };
  }

  private free(stem: string, endings: readonly string[]): string {
    let name = stem;
    for (let count = 2; endings.some((ending) => this.text.includes(name + ending)); count += 1) {
      name = `${stem}${count}`;
    }
    this.text += endings.map((ending) => `\n${name}${ending}`).join('');
    return name;
  }
}
