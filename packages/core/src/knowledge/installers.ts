/** An installer that is piped into a shell and finds out itself what machine it runs on. */
interface Installer {
  /** The address without its scheme, as a pattern from its start. */
  readonly address: RegExp;
  /** For whom it has something: `*` for files that are the same everywhere. */
  readonly platforms: string;
}

const arm64 = 'linux/arm64';
const hard = 'linux/arm64 linux/arm/v7';
const every = 'linux/arm64 linux/arm/v7 linux/arm/v6';

/**
 * From what the scripts themselves look for and their projects' download pages say; not every release was tried. A script
 * that asks uname takes an arm/v6 build under emulation for ARMv7: such are not listed for arm/v6.
 */
const installers: readonly Installer[] = [
  { address: /sh\.rustup\.rs/, platforms: hard },
  { address: /(?:get|test)\.docker\.com/, platforms: hard },
  // Node.js 20 and later have no packages for 32-bit ARM.
  { address: /deb\.nodesource\.com\/setup_(?:[4-9]|1\d)\.x/, platforms: hard },
  { address: /(?:deb|rpm)\.nodesource\.com\//, platforms: arm64 },
  { address: /install\.python-poetry\.org/, platforms: '*' },
  { address: /raw\.githubusercontent\.com\/(?:sdispater|python-poetry)\/poetry\//, platforms: '*' },
  { address: /raw\.githubusercontent\.com\/(?:nvm-sh|creationix)\/nvm\//, platforms: hard },
  { address: /astral\.sh\/uv\//, platforms: hard },
  { address: /getcomposer\.org\/installer/, platforms: '*' },
  { address: /(?:www\.)?npmjs\.(?:com|org)\/install\.sh/, platforms: '*' },
  { address: /yarnpkg\.com\/install\.sh/, platforms: '*' },
  { address: /raw\.githubusercontent\.com\/helm\/helm\//, platforms: every },
  {
    address: /(?:raw\.githubusercontent\.com|install)[./](?:golangci\/golangci-lint|goreleaser\.com)/,
    platforms: every,
  },
  { address: /raw\.githubusercontent\.com\/(?:ohmyzsh|robbyrussell)\//, platforms: '*' },
  { address: /get\.(?:rvm|sdkman)\.io/, platforms: '*' },
  { address: /get\.k3s\.io/, platforms: hard },
  { address: /taskfile\.dev\/install\.sh/, platforms: every },
  { address: /raw\.githubusercontent\.com\/nektos\/act\//, platforms: every },
  { address: /raw\.githubusercontent\.com\/aquasecurity\/trivy\//, platforms: hard },
  { address: /raw\.githubusercontent\.com\/anchore\/(?:syft|grype)\//, platforms: arm64 },
  { address: /(?:dot\.net|dotnet\.microsoft\.com)\/.*dotnet-install\.sh/, platforms: hard },
  { address: /(?:deno\.land\/(?:x\/)?install|bun\.sh\/install)/, platforms: arm64 },
];

/** The platforms that a piped installer serves; `undefined` when nobody knows, `*` in the list when all. */
export function installerPlatforms(url: string): readonly string[] | undefined {
  const address = url.replace(/^\w+:\/\/(?:[^/@]*@)?/, '');
  const known = installers.find((installer) => {
    const match = installer.address.exec(address);
    return match?.index === 0;
  });
  return known?.platforms.split(' ');
}
