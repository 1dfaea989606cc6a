import { verifyRepository } from 'mabuild';

// Which tags of a repository hold programs for another processor than they say? Exits 1 when there are any.
const [repository = 'localhost:5000/app'] = process.argv.slice(2);
const report = await verifyRepository(
  { repository },
  { onTag: ({ tag, ok }) => console.error(`${ok ? 'ok   ' : 'LYING'} ${tag}`) },
);
for (const { tag, images } of report.tags) {
  for (const { platform, problems } of images) {
    for (const { path, layer, found } of problems)
      console.log(`${repository}:${tag} ${platform}: /${path ?? ''} is ${found}, in layer ${layer ?? '?'}`);
  }
}
process.exitCode = report.ok ? 0 : 1;
