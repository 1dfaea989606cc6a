/**
 * Runs a script's body; an error is shown by its message, with the stack only when DEBUG is set, and ends with 1.
 *
 * @param {() => Promise<number | void>} body gives the exit code, 0 when nothing
 */
export async function main(body) {
  try {
    process.exitCode = (await body()) ?? 0;
  } catch (error) {
    console.error(error instanceof Error && !process.env.DEBUG ? `error: ${error.message}` : error);
    process.exitCode = 1;
  }
}
