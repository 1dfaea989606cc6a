import { Command, type CommandHost } from './command.ts';
import { type GlobalOptions, oneOf, paintOf, sdkOptions } from './options.ts';

/** `mabuild rules [ID]` */
export function rulesCommand({ io }: CommandHost): Command {
  return new Command('rules')
    .description('list the rules of check and migrate, or explain one')
    .argument('[id]', "a rule's name")
    .option('--format <format>', 'text or json', 'text')
    .addHelpText('after', '\nExamples:\n  mabuild rules\n  mabuild rules base-image-lacks-platform')
    .action(async (id: string | undefined, options: GlobalOptions) => {
      const format = oneOf('--format', options.format ?? 'text', ['text', 'json']);
      const { config } = await sdkOptions(io, options);
      const { describeRules, findRule, knownRules } = await import('../sdk/check/rules.ts');
      const rules = [...knownRules, ...(config.plugins ?? [])];
      const described = await describeRules(id === undefined ? rules : [findRule(id, rules)]);
      const { formatRule, formatRules, rulesDocument } = await import('../formatters/index.ts');
      if (format === 'json') io.stdout.write(`${JSON.stringify(rulesDocument(described), null, 2)}\n`);
      else if (id === undefined) io.stdout.write(formatRules(described));
      else
        io.stdout.write(described.map((rule) => formatRule(rule, paintOf(io, 'stdout', options))).join('\n'));
    });
}
