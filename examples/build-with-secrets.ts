import { buildAndPush } from 'mabuild';

const [reference = 'localhost:5000/data:1', url = 'https://example.com/data.json'] = process.argv.slice(2);
const { digest } = await buildAndPush({
  context: 'examples/private-download',
  tags: [reference],
  platforms: ['linux/amd64', 'linux/arm/v7'],
  buildArgs: { URL: url },
  secrets: { token: { env: 'DOWNLOAD_TOKEN' } },
  output: { type: 'push' },
});
console.log(`${reference}@${digest}`);
