/** Text of a build step without escape sequences and other control characters that could move the cursor. */
export function withoutControls(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is removed
  return text.replaceAll(/\u001b\[[0-9;?]*[ -/]*[@-~]|\u001b[@-_]|[\u0000-\u0008\u000b-\u001f\u007f]/g, '');
}

/** The lines of a program's output as a terminal would leave them: what comes after a carriage return takes the place of what was before. */
export function outputLines(text: string): readonly string[] {
  return text
    .split('\n')
    .map((line) => withoutControls(line.split('\r').findLast((part) => part.trim() !== '') ?? ''))
    .filter((line) => line.trim() !== '');
}
