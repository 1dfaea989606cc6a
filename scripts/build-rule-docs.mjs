// Rebuilds docs/rules.md from the pages of the rules.
//   node --conditions=@mabuild/source --import=tsx scripts/build-rule-docs.mjs
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { rulesMarkdown } from '../packages/cli/src/formatters/rules.ts';
import { describeRules } from '../packages/cli/src/sdk/check/rules.ts';

writeFileSync(
  fileURLToPath(new URL('../docs/rules.md', import.meta.url)),
  rulesMarkdown(await describeRules()),
);
