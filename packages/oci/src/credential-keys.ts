/** Docker Hub under the names that it goes by. */
const dockerHub: readonly string[] = ['docker.io', 'index.docker.io', 'registry-1.docker.io'];

/** What Docker calls its Hub in config.json and to credential helpers. */
export const dockerHubAddress = 'https://index.docker.io/v1/';

/** Tells whether a host is Docker Hub, whichever name it goes by. */
export function isDockerHub(host: string): boolean {
  return dockerHub.includes(host);
}

/**
 * The names that a credential may be kept under, the one that says most first: containers-auth.json(5), "FORMAT".
 *
 * `HOST/team/app`, `HOST/team`, `HOST`; for Docker Hub also the names that docker gives it.
 */
export function credentialKeys(host: string, repository?: string): readonly string[] {
  const path = repository === undefined || repository === '' ? [] : repository.split('/');
  const below = path.map((_, index) => path.slice(0, path.length - index).join('/'));
  const hosts = isDockerHub(host) ? [host, ...dockerHub.filter((name) => name !== host)] : [host];
  return [
    ...below.flatMap((part) => hosts.map((name) => `${name}/${part}`)),
    ...(isDockerHub(host) ? [dockerHubAddress, ...hosts] : hosts),
  ];
}
