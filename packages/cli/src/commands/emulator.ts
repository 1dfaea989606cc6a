import { Command, type CommandHost } from './command.ts';
import { emulatorFetchCommand } from './emulator-fetch.ts';

/** `mabuild emulator` */
export function emulatorCommand(host: CommandHost): Command {
  return new Command('emulator')
    .description('programs that run what is made for another processor')
    .addHelpText('after', '\nExample:\n  mabuild emulator fetch')
    .addCommand(emulatorFetchCommand(host));
}
