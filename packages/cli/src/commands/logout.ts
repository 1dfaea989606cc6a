import { Command, type CommandHost } from './command.ts';
import { type GlobalOptions, sdkOptions } from './options.ts';

/** `mabuild logout REGISTRY` */
export function logoutCommand({ io }: CommandHost): Command {
  return new Command('logout')
    .description('forget the password of a registry')
    .argument('<registry>', 'HOST or HOST:PORT; Docker Hub is docker.io')
    .addHelpText('after', '\nExample:\n  mabuild logout ghcr.io')
    .action(async (registry: string, options: GlobalOptions) => {
      const { logout } = await import('../sdk/credentials/login.ts');
      const result = await logout({ registry }, await sdkOptions(io, options));
      for (const place of result.left) {
        io.stderr.write(`warning: ${place} still holds credentials of ${result.registry}\n`);
      }
      io.stdout.write(
        result.removed ? `signed out of ${result.registry}\n` : `nothing was stored for ${result.registry}\n`,
      );
    });
}
