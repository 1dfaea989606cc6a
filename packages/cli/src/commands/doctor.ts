import { Command, type CommandHost } from './command.ts';
import { type GlobalOptions, oneOf, sdkOptions } from './options.ts';

interface DoctorOptions extends GlobalOptions {
  readonly format: string;
  readonly qemu?: string;
}

/** `mabuild doctor` */
export function doctorCommand({ io, exit }: CommandHost): Command {
  return new Command('doctor')
    .description(
      'engines, what each can run and how, emulators, credentials seen (names only), what to do next',
    )
    .option('--format <format>', 'text or json', 'text')
    .option('--qemu <dir>', 'folder with static qemu programs')
    .addHelpText('after', '\nExample:\n  mabuild doctor --format json')
    .action(async (options: DoctorOptions) => {
      const format = oneOf('--format', options.format, ['text', 'json']);
      const { examine } = await import('../sdk/doctor.ts');
      const report = await examine({ qemu: options.qemu }, await sdkOptions(io, options));
      const { formatDoctor } = await import('../formatters/index.ts');
      io.stdout.write(
        format === 'json' ? `${JSON.stringify({ version: 1, ...report }, null, 2)}\n` : formatDoctor(report),
      );
      if (!report.builds) exit(3);
    });
}
