import { MabuildError } from '@mabuild/oci';
import { Command, type CommandHost } from './command.ts';
import { collect, type GlobalOptions, keyValues, oneOf, sdkOptions } from './options.ts';

interface RunOptions extends GlobalOptions {
  readonly platform?: string;
  readonly publish?: readonly string[];
  readonly volume?: readonly string[];
  readonly env?: readonly string[];
  readonly network: string;
  readonly entrypoint?: string;
  readonly qemu?: string;
  readonly engine: string;
  readonly interactive?: boolean;
}

/** `mabuild run REF [-- CMD…]` */
export function runCommand({ io, exit }: CommandHost): Command {
  return new Command('run')
    .description(
      "start any platform's image, on an engine with the emulator mounted where the host needs one, or without an engine",
    )
    .argument('<ref>', 'image, or oci:DIR[:TAG], oci-archive:FILE[:TAG], docker-archive:FILE')
    .argument(
      '[cmd...]',
      "command and arguments; options before REF are mabuild's, all that follows is the program's",
    )
    .passThroughOptions()
    .option('-i, --interactive', 'pass standard input on to the program')
    .option('--platform <platform>', "which image (default: the engine's host)")
    .option('-p, --publish <ports>', 'HOST:CONTAINER (repeatable)', collect)
    .option('-v, --volume <volume>', 'HOST:CONTAINER[:ro] (repeatable)', collect)
    .option('-e, --env <k=v>', 'environment variable (repeatable)', collect)
    .option('--network <mode>', 'default, host or none', 'default')
    .option('--entrypoint <program>', "another program than the image's")
    .option('--qemu <dir>', 'folder with static qemu programs')
    .option('--engine <engine>', 'auto or embedded, which needs no Docker', 'auto')
    .option('--rm', 'accepted for docker’s sake: the container is always removed')
    .addHelpText(
      'after',
      '\nExamples:\n  mabuild run --platform linux/arm/v7 ghcr.io/me/app:1 uname -m\n  echo hello | mabuild run -i busybox cat',
    )
    .action(async (ref: string, words: readonly string[], options: RunOptions, self: Command) => {
      const command = commandOf(words, self);
      const network = oneOf('--network', options.network, ['default', 'host', 'none']);
      const { runImage } = await import('../sdk/build/run-image.ts');
      const { parsePlatform } = await import('@mabuild/oci');
      const exitCode = await runImage(
        {
          reference: ref,
          platform: options.platform === undefined ? undefined : parsePlatform(options.platform),
          command,
          entrypoint: options.entrypoint === undefined ? undefined : [options.entrypoint],
          ports: options.publish,
          volumes: options.volume,
          environmentVariables: keyValues('--env', options.env, io.environment),
          network,
          qemu: options.qemu,
          engine: oneOf('--engine', options.engine, ['auto', 'embedded']),
        },
        {
          ...(await sdkOptions(io, options)),
          input: options.interactive ? io.stdin : undefined,
          onOutput: (stream, chunk) => {
            (stream === 'stdout' ? io.stdout : io.stderr).write(chunk);
          },
        },
      );
      exit(exitCode);
    });
}

/**
 * What follows the image is the program's, as with docker; `--` before it changes nothing.
 * @throws MabuildError `USAGE` when it begins with an option of this command, which has meant the image until now
 */
function commandOf(words: readonly string[], self: Command): readonly string[] {
  const [first = ''] = words;
  if (first === '--') return words.slice(1);
  const name = first.replace(/=.*$/s, '');
  const isOurs = self.options.some(({ long, short }) => name !== '' && (name === long || name === short));
  if (!isOurs) return words;
  throw new MabuildError(`${name} stands after the image, where the program's own options are`, {
    code: 'USAGE',
    hint: `put it before the image: mabuild run ${name} … IMAGE; if it is the program's, put -- before it`,
  });
}
