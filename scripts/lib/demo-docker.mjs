import { checkPage, migrateAndBuild, say, start, withHome } from './demo.mjs';
import { freePort, pause } from './process.mjs';
import { withServices } from './with-services.mjs';

/** The demo on a Docker Engine: one of our own where that is possible, else the one that the docker command reaches. */
export async function demo() {
  await withServices({ only: 'demo' }, async ({ own, env: services, reason }) => {
    if (reason !== undefined) throw new Error(`there is no Docker Engine: ${reason}`);
    await withHome(async (_, environment) => {
      const mirror = services.MABUILD_TEST_MIRROR;
      const image = `${services.MABUILD_TEST_REGISTRY}/httpd:demo`;
      // The engine tells mabuild about docker.io's stand-in.
      const env = { ...environment, DOCKER_HOST: services.MABUILD_TEST_DOCKER_HOST };
      const reading = mirror === undefined ? [] : ['--mirror', `docker.io=${mirror}`];
      await migrateAndBuild({ image, reading, building: [] }, env);
      await showRunning(own, image, env);
    });
  });
}

async function showRunning(own, image, env) {
  say('The arm/v7 image, running here');
  const port = await freePort();
  const options = ['run', '--platform', 'linux/arm/v7'];
  // Our own engine has no bridge, so the container is on this machine's network and listens on the port itself.
  const command = own
    ? [...options, image, '--', 'httpd', '-f', '-p', `127.0.0.1:${port}`, '-h', '/www']
    : [...options, '-p', `127.0.0.1:${port}:8080`, image];
  const page = await whileRunning(command, env, () => fetchPage(`http://127.0.0.1:${port}/`));
  console.log(checkPage('linux/arm/v7', page));
}

async function whileRunning(args, env, body) {
  const { child, ended } = start(args, env, ['ignore', 'inherit', 'inherit']);
  const early = ended.then((status) => {
    throw new Error(`mabuild ${args[0]} ended with ${status} before it answered`);
  });
  early.catch(() => {});
  try {
    return await Promise.race([body(), early]);
  } finally {
    child.kill('SIGINT');
    await ended;
  }
}

async function fetchPage(url) {
  for (let attempt = 0; ; attempt++) {
    try {
      const response = await fetch(url);
      if (response.ok) return (await response.text()).trim();
      throw new Error(`${url}: ${response.status}`);
    } catch (error) {
      if (attempt === 150) throw error;
      await pause(200);
    }
  }
}
