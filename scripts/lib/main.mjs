/**
 * Runs a script's body; an error is shown by its message, with the stack only when DEBUG is set, and ends with 1.
 *
 * @param {() => Promise<number | string | void>} body gives the exit code, 0 when nothing; a signal's name counts as 1
 */
export async function main(body) {
  // A reader that has seen enough (`| head`) is no reason to leave services running.
  process.stdout.on('error', (error) => {
    if (error.code !== 'EPIPE') throw error;
  });
  try {
    const status = (await body()) ?? 0;
    process.exitCode = typeof status === 'number' ? status : 1;
  } catch (error) {
    console.error(error instanceof Error && !process.env.DEBUG ? `error: ${error.message}` : error);
    process.exitCode = 1;
  }
}
