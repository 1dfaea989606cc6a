import { createProgress, progressModes } from '../progress/progress.ts';
import type { BuildRequest } from '../sdk/build/build-request.ts';
import type { BuildFlags } from './build-flags.ts';
import { Command, type CommandHost } from './command.ts';
import { collect, oneOf, paintOf, sdkOptions } from './options.ts';

/** `mabuild build [CONTEXT]` */
export function buildCommand({ io }: CommandHost): Command {
  return new Command('build')
    .description('build one image per platform from one Dockerfile, and join them in one index')
    .argument('[context]', 'folder, git URL, or - for a tar or a Dockerfile on standard input', '.')
    .optionsGroup('What is built:')
    .option('-f, --file <file>', 'Dockerfile, or - for standard input (default: Dockerfile in the context)')
    .option('-t, --tag <ref>', 'name of the result (repeatable)', collect)
    .option('--platform <list>', 'e.g. linux/amd64,linux/arm64,linux/arm/v7', collect)
    .option('--build-arg <k=v>', "K alone takes the environment's value (repeatable)", collect)
    .option('--target <stage>', 'stage to build')
    .option('--build-context <name=place>', 'folder or docker-image://NAME that a name stands for', collect)
    .option('--label <k=v>', 'label of the images (repeatable)', collect)
    .optionsGroup('What RUN gets:')
    .option('--secret <spec>', 'id=NAME[,src=FILE|,env=VARIABLE], for RUN --mount=type=secret', collect)
    .option('--ssh <spec>', 'default or ID[=SOCKET|KEY,…], for RUN --mount=type=ssh', collect)
    .optionsGroup('Cache:')
    .option('--no-cache', 'build every step again')
    .option(
      '--cache-from <cache>',
      'cache kept elsewhere: a reference, oci:DIR, or type=registry|local,… (repeatable)',
      collect,
    )
    .option(
      '--cache-to <cache>',
      'where to keep the cache besides: the same, with mode=min|max, or type=inline (repeatable)',
      collect,
    )
    .option('--pull', 'ask the registry for the bases again')
    .optionsGroup('Where it goes:')
    .option('--push', 'push children by digest, then the index, then the tag')
    .option('--push-by-digest', 'push without a tag')
    .option('--load', 'load into the engine')
    .option('-o, --output <output>', 'oci:DIR, oci-archive:FILE, docker-archive:FILE, local:DIR or tar:FILE')
    .option('--index <when>', 'auto or always', 'auto')
    .option('--index-type <type>', 'oci or docker', 'oci')
    .option('--annotation <k=v>', 'annotation of the index (repeatable)', collect)
    .option('--tag-suffix', 'one tag per platform and no index: app:1-arm32v7')
    .optionsGroup('What RUN gets:')
    .option('--network <mode>', 'default, host or none, for RUN', 'default')
    .option('--add-host <name:address>', "line for RUN's /etc/hosts (repeatable)", collect)
    .option('--shm-size <size>', "size of RUN's /dev/shm, e.g. 128m")
    .option('--ulimit <type=soft[:hard]>', "limit of RUN's processes, e.g. nofile=1024 (repeatable)", collect)
    .optionsGroup('How it is built:')
    .option('--engine <engine>', 'auto, buildkit, classic or embedded', 'auto')
    .option('--emulation <how>', 'auto, binfmt, inject or off', 'auto')
    .option('--qemu <dir>', 'folder with static qemu programs to inject')
    .option('--keep-emulator', 'leave the injected emulator in the image')
    .optionsGroup('What is built:')
    .option('--base-style <style>', 'index or namespace')
    .option('--fix', "make migrate's safe fixes for each platform in memory; the file stays")
    .optionsGroup('Where it goes:')
    .option('--no-verify', 'publish even what verification refuses')
    .optionsGroup('How it is built:')
    .option('--jobs <n>', 'platforms built side by side (default: 4)')
    .optionsGroup('What is said of it:')
    .option('--dry-run', 'print the plan; build and write nothing')
    .option('--format <format>', 'text or json', 'text')
    .option('--progress <mode>', progressModes.join(', '), 'auto')
    .option('-q, --quiet', 'print the digest alone')
    .option('--iidfile <file>', 'write the digest to a file')
    .option('--metadata-file <file>', 'write the JSON result to a file')
    .addHelpText(
      'after',
      '\nExamples:\n  mabuild build --push -t ghcr.io/me/app:1 .\n  mabuild build --platform linux/arm/v7 --load -t app .\n  mabuild build -o oci:./image .',
    )
    .action(async (context: string, options: BuildFlags) => {
      const format = oneOf('--format', options.format, ['text', 'json']);
      const mode = options.quiet ? 'quiet' : oneOf('--progress', options.progress, progressModes);
      const { buildRequestOf } = await import('./build-flags.ts');
      const request: BuildRequest = buildRequestOf(context, options, io);
      const sdk = await sdkOptions(io, options);
      const { buildAndPush, planImages } = await import('../sdk/build/build.ts');
      if (options.dryRun) {
        const plan = await planImages(request, sdk);
        const { formatPlan, planDocument } = await import('../formatters/index.ts');
        io.stdout.write(
          format === 'json' ? `${JSON.stringify(planDocument(plan), null, 2)}\n` : formatPlan(plan),
        );
        return;
      }
      const { checkFile } = await import('../sdk/build/destination.ts');
      for (const file of [options.iidfile, options.metadataFile])
        if (file !== undefined) await checkFile(file);
      const paint = paintOf(io, 'stderr', options);
      const progress = createProgress(mode, io, paint);
      try {
        const result = await buildAndPush(request, {
          ...sdk,
          onEvent: progress.onEvent,
          onRegistryEvent: progress.onEvent,
        });
        progress.close();
        const { formatBuild, writeBuildFiles } = await import('../formatters/index.ts');
        await writeBuildFiles(result, { iidfile: options.iidfile, metadataFile: options.metadataFile });
        io.stdout.write(formatBuild(result, { format, quiet: options.quiet ?? false }));
      } finally {
        progress.close();
      }
    });
}
