import { readdirSync, readlinkSync } from 'node:fs';
import { type ProgramPlace, runBatch } from './batch.ts';

/** Ends every process whose root is this folder, until there is none: where there is no namespace, they do not end together. */
export function endProcesses(root: string, place: ProgramPlace): void {
  for (let round = 0; round < 100; round += 1) {
    const found = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && rootOfProcess(name) === root);
    if (found.length === 0) return;
    runBatch(
      place,
      found.map((pid) => ({ name: 'kill', arguments: [Number(pid), 9] })),
    );
  }
}

function rootOfProcess(pid: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/root`);
  } catch {
    return undefined;
  }
}
