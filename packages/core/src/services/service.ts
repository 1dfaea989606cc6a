import type { Range } from '../dockerfile/model.ts';
import type { Finding, RuleContext } from '../rules/rule.ts';
import type { ServiceFile } from './compose-files.ts';

/** What compose and bake files are read with. */
export interface ReadServicesOptions extends Pick<RuleContext, 'platforms' | 'images'> {
  /** The file as the user named it, for messages. */
  readonly file?: string | undefined;
  /** What `${NAME}` stands for: the environment, and `.env` beside the file. */
  readonly variables?: Readonly<Record<string, string>> | undefined;
  /** Of a Compose file that another one extends: its services, with the keys that are given otherwise. @default all services */
  readonly services?: ReadonlyMap<string, readonly string[]> | undefined;
}

/** A build of a Dockerfile that a compose or bake file asks for. */
export interface ServiceBuild {
  /** The service or target. */
  readonly name: string;
  /** The folder with the files of the build, from the folder of the file that names it; `undefined` for a URL or what is not known. */
  readonly context: string | undefined;
  /** From `context`. */
  readonly dockerfile: string;
  /** The Dockerfile itself, where it stands in the file. */
  readonly inline?: { readonly text: string; readonly range: Range; readonly indent: number | undefined };
  readonly buildArgs: Readonly<Record<string, string>>;
  readonly target?: string;
}

/** What a compose or bake file says. */
export interface ServiceReading {
  readonly builds: readonly ServiceBuild[];
  readonly findings: readonly Finding[];
  /** Other files that `include` and `extends` of a Compose file name. */
  readonly files?: readonly ServiceFile[];
}

/** What a line above switches off: `# mabuild ignore=rule because …`; also `//` for HCL. */
export function withoutIgnored(text: string, findings: readonly Finding[]): readonly Finding[] {
  return findings.filter(({ rule, range }) => {
    for (let end = text.lastIndexOf('\n', range.start - 1); end > 0; ) {
      const start = text.lastIndexOf('\n', end - 1) + 1;
      const line = text.slice(start, end).trim();
      if (!/^(?:#|\/\/)/.test(line)) return true;
      const names = /^(?:#|\/\/)\s*mabuild\s+ignore=([\w-]+(?:,[\w-]+)*)(?:\s|$)/.exec(line)?.[1];
      if (names?.split(',').includes(rule)) return false;
      end = start - 1;
    }
    return true;
  });
}
