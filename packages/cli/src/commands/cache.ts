import { cacheDuCommand } from './cache-du.ts';
import { cachePruneCommand } from './cache-prune.ts';
import { Command, type CommandHost } from './command.ts';

/** `mabuild cache` */
export function cacheCommand(host: CommandHost): Command {
  const command = new Command('cache')
    .description('what builds keep on this machine: how much it is, and how it is deleted')
    .addHelpText('after', '\nExample:\n  mabuild cache du');
  for (const define of [cacheDuCommand, cachePruneCommand]) command.addCommand(define(host));
  return command;
}
