import { argDefinitions } from '../../../dockerfile/scope.ts';
import { listIn, type StageState, withConfig, withHistory } from '../state.ts';
import { expand, expandPairs, type Step } from './step.ts';

export const env: Step = (state, instruction, site) => {
  const pairs = expandPairs(site, state, instruction);
  const variables = new Map(state.variables);
  let list = listIn(state.config, 'Env');
  for (const [name, value] of pairs) {
    variables.set(name, value);
    list = withVariable(list, name, value);
  }
  const shown = pairs.map(([name, value]) => `${name}=${value}`).join(' ');
  return withHistory({ ...withConfig(state, { Env: list }), variables }, `ENV ${shown}`);
};

export const arg: Step = (state, instruction, site) => {
  const shown: string[] = [];
  let next: StageState = state;
  for (const { name: rawName, value: word } of argDefinitions(instruction)) {
    const name = expand(site, next, instruction, rawName);
    const written = word && expand(site, next, instruction, word.raw);
    const given = Object.hasOwn(site.build.buildArgs, name) ? site.build.buildArgs[name] : undefined;
    const value = given ?? written ?? site.globals.get(name)?.value;
    shown.push(value === undefined ? name : `${name}=${value}`);
    if (value === undefined) continue;
    next = {
      ...next,
      variables: new Map(next.variables).set(name, value),
      arguments: new Map(next.arguments).set(name, value),
    };
  }
  return withHistory(next, `ARG ${shown.join(' ')}`);
};

/** The list of an image config's Env with one variable set, in its old place where it has one. */
export function withVariable(list: readonly string[], name: string, value: string): readonly string[] {
  const at = list.findIndex((item) => item.startsWith(`${name}=`));
  if (at < 0) return [...list, `${name}=${value}`];
  return list.map((item, index) => (index === at ? `${name}=${value}` : item));
}
