import { randomBytes } from 'node:crypto';
import { basename, dirname } from 'node:path';
import { isLeftBehind, processName, processNamePattern } from '@mabuild/oci';
import { namesBelow } from '../files/names-below.ts';

const enterPattern = new RegExp(`^enter-(?:${processNamePattern}-)?[0-9a-f]{12}$`);

/** A name for the program that becomes a helper. */
export function enterName(): string {
  const hex = randomBytes(6).toString('hex');
  const owner = processName();
  return owner === undefined ? `enter-${hex}` : `enter-${owner}-${hex}`;
}

/** What helpers and those who started them left in a sandbox's folder because they were ended in the middle. */
export function sandboxLeftovers(directory: string): readonly string[] {
  const paths = [
    ...namesBelow(dirname(directory), `${basename(directory)}/work`).map(
      (name) => `${directory}/work/${name}`,
    ),
    ...namesBelow(dirname(directory), basename(directory))
      .filter((name) => enterPattern.test(name))
      .map((name) => `${directory}/${name}`),
  ];
  return paths.filter((path) => isLeftBehind(path));
}

/** The same in the folders of all sandboxes of a machine. @param directory the folder that holds theirs */
export function allSandboxLeftovers(directory: string): readonly string[] {
  return namesBelow(dirname(directory), basename(directory)).flatMap((name) =>
    sandboxLeftovers(`${directory}/${name}`),
  );
}
