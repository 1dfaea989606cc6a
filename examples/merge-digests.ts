import { mergeDigests } from 'mabuild';

// Every runner pushed one platform by digest and left a file; this joins them under one name, once they are verified.
const [reference = 'localhost:5000/app:1', directory = 'digests'] = process.argv.slice(2);
const merged = await mergeDigests({
  tags: [reference],
  directory,
  require: ['linux/amd64', 'linux/arm64', 'linux/arm/v7'],
});
for (const { platform, digest } of merged.images) console.log(platform, digest);
for (const { reference, digest } of merged.references) console.log(`${reference}@${digest}`);
