import { checkFiles } from 'mabuild';

const report = await checkFiles({
  paths: process.argv.slice(2),
  platforms: ['linux/arm64', 'linux/arm/v7'],
  online: false,
});
for (const { path, findings } of report.files) {
  for (const { severity, message, hint } of findings)
    console.log(`${path}: ${severity}: ${message}`, hint ?? '');
}
