/**
 * A process that writes indexes when it is told to: a line of JSON on standard input, `{ "id", "verb", "request" }`, is
 * answered with one on standard output, `{ "id", "digest" }` or `{ "id", "code", "message" }`.
 */
import { createInterface } from 'node:readline';
import { addToImageIndex, mergeDigests, removeFromImageIndex } from 'mabuild';

const verbs = { add: addToImageIndex, merge: mergeDigests, remove: removeFromImageIndex } as const;
const environment = { cacheDirectory: process.argv[2] ?? '', homeDirectory: process.argv[2] ?? '' };

for await (const line of createInterface({ input: process.stdin })) {
  void answer(JSON.parse(line));
}

async function answer(order: { id: number; verb: keyof typeof verbs; request: never }): Promise<void> {
  const { id, verb, request } = order;
  try {
    const { digest } = await verbs[verb](request, { environment, config: {} });
    tell({ id, digest });
  } catch (error) {
    const { code, message } = error as { code?: string; message?: string };
    tell({ id, code: code ?? 'BUG', message });
  }
}

function tell(document: object): void {
  process.stdout.write(`${JSON.stringify(document)}\n`);
}
