import { Command, type CommandHost } from './command.ts';
import { indexAddCommand } from './index-add.ts';
import { indexAnnotateCommand } from './index-annotate.ts';
import { indexCreateCommand } from './index-create.ts';
import { indexRemoveCommand } from './index-remove.ts';

/** `mabuild index` */
export function indexCommand(host: CommandHost): Command {
  const command = new Command('index')
    .description('join images in one index, and change the index that a tag points at')
    .addHelpText(
      'after',
      '\nExample:\n  mabuild index create -t ghcr.io/me/app:1 ghcr.io/me/app:1-amd64 ghcr.io/me/app:1-arm64',
    );
  for (const define of [indexCreateCommand, indexAddCommand, indexRemoveCommand, indexAnnotateCommand]) {
    command.addCommand(define(host));
  }
  return command;
}
