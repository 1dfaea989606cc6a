import { ensurePackages } from './debian.mjs';
import { findServices } from './found-services.mjs';
import { startServices } from './services.mjs';
import { cache } from './workspace.mjs';

/**
 * Runs `body` while an engine and registries are up: our own where that is possible (Debian, root), else the engine that
 * the docker command reaches.
 *
 * @template T
 * @param {{ only?: 'demo', newer?: string, newest?: boolean, ownOnly?: boolean, log?: (line: string) => void }} options see
 *   `startServices`; `ownOnly` looks for no other engine
 * @param {(services: { own: boolean, env: Record<string, string>, reason?: string }) => Promise<T>} body `reason` says
 *   why there is nothing, `env` is empty then
 * @returns {Promise<T>}
 */
export async function withServices({ only, newer, newest, ownOnly = false, log = console.error }, body) {
  const packages = await ensurePackages({ log });
  const services = packages.ready
    ? await startServices({ cache, log, only, newer, newest })
    : ownOnly
      ? undefined
      : await findServices({ log });
  if (services === undefined) {
    const reason = `no engine of our own: ${packages.reason}${ownOnly ? '' : '; and the docker command finds none'}`;
    return await body({ own: false, env: {}, reason });
  }
  try {
    return await body({ own: packages.ready, env: services.env });
  } finally {
    await services.stop();
  }
}
