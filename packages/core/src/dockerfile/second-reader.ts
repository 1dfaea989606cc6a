import { DockerfileParser } from 'dockerfile-ast';
import { scanDockerfile } from './scan.ts';

/**
 * Tells whether dockerfile-ast, the reader of editors, finds the instructions of a text on the lines where we find them.
 *
 * @throws MabuildError `DOCKERFILE_SYNTAX`
 */
export function isReadAlike(text: string): boolean {
  const { instructions } = scanDockerfile({ text, file: undefined });
  const others = DockerfileParser.parse(text).getInstructions();
  return (
    others.length === instructions.length &&
    others.every((other, index) => other.getRange().start.line + 1 === instructions[index]?.startLine)
  );
}
