import { sharedDescribe, sharedJson } from './shared.ts';

export interface RegistryVectorTest<Row, Document> {
  readonly title: (row: Row, index: number) => string;
  readonly check: (row: Row, document: Document) => unknown;
  /**
   * Why we do not do what a row expects, for the rows where we do not; `check` knows what we do instead.
   * @default every row is followed
   */
  readonly departs?: (row: Row) => string | undefined;
}

/**
 * Runs every row of a file of the shared registry vectors as a test, and prints how many ran, how many were followed and
 * why the others were not.
 */
export function registryVectors<Row, Document = unknown>(
  file: string,
  { title, check, departs }: RegistryVectorTest<Row, Document>,
): void {
  sharedDescribe(`vectors/registry/${file}`, () => {
    const document = sharedJson<Document & { readonly vectors: readonly Row[] }>('vectors/registry', file);
    const reasons = new Map<string, number>();
    let ran = 0;
    for (const [index, row] of document.vectors.entries()) {
      it(title(row, index), async () => {
        await check(row, document);
        ran += 1;
        const reason = departs?.(row);
        if (reason !== undefined) reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
      });
    }

    after(() => {
      const departed = [...reasons.values()].reduce((sum, count) => sum + count, 0);
      console.log(
        `      vectors/registry/${file}: ${ran} of ${document.vectors.length} rows ran, ${ran - departed} followed`,
      );
      for (const [reason, count] of reasons) console.log(`        not followed, ${count}: ${reason}`);
    });
  });
}
