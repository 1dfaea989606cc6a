/**
 * What vendors' apt repositories publish, in dpkg's words. General knowledge, as of 2026-11, of what their indices list;
 * a repository that is not here, or of which only a part is for ARM, is not known.
 */
const table: Readonly<Record<string, string>> = {
  'download.docker.com/linux': 'amd64 arm64 armhf',
  'dl.google.com/linux/chrome': 'amd64',
  'dl-ssl.google.com/linux/chrome': 'amd64',
  'packages.microsoft.com/repos/edge': 'amd64',
  'packages.microsoft.com/repos/code': 'amd64 arm64 armhf',
  'packages.microsoft.com/repos/vscode': 'amd64 arm64 armhf',
  'packages.microsoft.com/repos/azure-cli': 'amd64 arm64',
  'apt.postgresql.org/pub/repos/apt': 'amd64 arm64',
  'repo.mongodb.org/apt/ubuntu': 'amd64 arm64',
  'repo.mongodb.org/apt/debian': 'amd64',
  'artifacts.elastic.co': 'amd64 arm64',
  'dl.yarnpkg.com/debian': 'amd64 arm64 armhf armel',
  'repo.jellyfin.org': 'amd64 arm64 armhf',
  'cli.github.com/packages': 'amd64 arm64 armhf',
  'download.virtualbox.org/virtualbox': 'amd64',
  'repository.spotify.com': 'amd64',
  'repo.steampowered.com/steam': 'amd64',
  'dl.winehq.org/wine-builds': 'amd64',
  'repos.zend.com/zend-server': 'amd64',
  'updates.signal.org/desktop': 'amd64',
  'linux.dropbox.com': 'amd64',
  'repo.skype.com': 'amd64',
  'apt.repos.intel.com': 'amd64',
  'repo.radeon.com/rocm': 'amd64',
};

/** The architectures that the repository of an address publishes, e.g. `amd64`; `undefined` when nobody knows. */
export function aptRepositoryArchitectures(url: string): readonly string[] | undefined {
  const place = url.replace(/^[a-z+]+:\/\/(?:[^/@]*@)?/, '');
  const key = Object.keys(table).find((start) => place.startsWith(start));
  return key === undefined ? undefined : table[key]?.split(' ');
}
