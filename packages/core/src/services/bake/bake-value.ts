import type { HclValue } from './hcl-value.ts';

/** A value with its variables filled in; `undefined` for what is not evaluated. */
export type Value = string | readonly string[] | Readonly<Record<string, string>> | null | undefined;

/** Tells an object from the other values. */
export function isRecord(value: Value): value is Readonly<Record<string, string>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Fills variables in; what needs a function or a variable that is not known is `undefined`. */
export function evaluate(value: HclValue, variables: Readonly<Record<string, string>>): Value {
  const get = (name: string): string | undefined =>
    Object.hasOwn(variables, name) ? variables[name] : undefined;
  switch (value.kind) {
    case 'null':
      return null;
    case 'name':
      return get(value.name);
    case 'text': {
      const parts = value.parts.map((part) =>
        typeof part === 'string' ? part : part.variable === undefined ? undefined : get(part.variable),
      );
      return parts.includes(undefined) ? undefined : parts.join('');
    }
    case 'list': {
      const items = value.items.map((item) => evaluate(item, variables));
      return items.every((item) => typeof item === 'string') ? (items as readonly string[]) : undefined;
    }
    case 'object': {
      const fields: Record<string, string> = {};
      for (const [name, field] of value.fields) {
        const inner = evaluate(field, variables);
        if (typeof inner === 'string') fields[name] = inner;
      }
      return fields;
    }
    default:
      return undefined;
  }
}
