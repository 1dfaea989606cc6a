/** Why a text is no JSON, and where. */
export interface JsonProblem {
  readonly message: string;
  readonly at: number;
}

/** Reads JSON, with or without a byte order mark. */
export function readJsonText(text: string): { readonly value: unknown } | { readonly problem: JsonProblem } {
  const skipped = text.startsWith('\ufeff') ? 1 : 0;
  const json = text.slice(skipped);
  const first = attempt(json);
  if ('value' in first) return first;
  const [, message = first.message, position] =
    /^(.*?)(?: in JSON| after JSON)?(?: at position (\d+).*|, (?:\.\.\.)?".*" is not valid JSON)$/s.exec(
      first.message,
    ) ?? [];
  const at = position !== undefined ? Number(position) : firstWrong(json, first.message);
  return { problem: { message, at: skipped + at } };
}

function attempt(json: string): { readonly value: unknown } | { readonly message: string } {
  try {
    return { value: JSON.parse(json) };
  } catch (error) {
    return { message: (error as Error).message };
  }
}

/** Node tells the token but not its place: a beginning that holds it fails in the same way, a shorter one just ends. */
function firstWrong(json: string, message: string): number {
  if (!message.startsWith('Unexpected token')) return json.length;
  let low = 0;
  let high = json.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const result = attempt(json.slice(0, middle));
    if ('message' in result && result.message.startsWith('Unexpected token')) high = middle;
    else low = middle + 1;
  }
  return Math.max(0, low - 1);
}
