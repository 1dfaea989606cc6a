import { buildAndPush, verifyReference } from 'mabuild';

const [reference = 'localhost:5000/httpd:1'] = process.argv.slice(2);
const built = await buildAndPush({
  context: 'examples/httpd',
  tags: [reference],
  platforms: ['linux/amd64', 'linux/arm64', 'linux/arm/v7'],
  output: { type: 'push' },
});
for (const image of built.images) console.log(image.platform, image.strategy, image.digest);

const report = await verifyReference({ reference });
if (!report.ok) throw new Error('the registry holds something else than it says');
