/**
 * npm run demo [-- --docker]
 *
 * An x64 Dockerfile becomes images for amd64, arm64 and arm/v7 and one manifest list, in a registry of its own. It needs
 * no Docker and no root: mabuild's own engine builds. With --docker, or MABUILD_DEMO_ENGINE=docker, a Docker Engine does.
 * Everything it starts is stopped at the end; the machine stays as it is.
 */
import { main } from './lib/main.mjs';
import { build, setup } from './lib/workspace.mjs';

// What runs in the foreground ends by itself then, and what was made for it is deleted.
process.on('SIGINT', () => undefined);

await main(async () => {
  await setup();
  console.error('compiling mabuild');
  await build();
  const docker = process.argv.includes('--docker') || process.env.MABUILD_DEMO_ENGINE === 'docker';
  // What these import comes with the build.
  const { demo } = docker ? await import('./lib/demo-docker.mjs') : await import('./lib/demo-embedded.mjs');
  await demo();
});
