/** Programs that install packages, by whose packages they are. */
export type PackageManager = 'apt' | 'apk' | 'rpm' | 'pip' | 'npm' | 'gem' | 'conda' | 'cargo' | 'go';

/** How a package manager's command line is read. */
export interface InstallSyntax {
  readonly manager: PackageManager;
  /** Words that come before what is installed, e.g. `install`. */
  readonly verbs: ReadonlySet<string>;
  /** Options that take the next word as their value. */
  readonly valued: ReadonlySet<string>;
}

const words = (text: string): ReadonlySet<string> => new Set(text.split(' '));

// From the manual pages: apt-get(8), aptitude(8), apk(8), yum(8), dnf(8), zypper(8), `pip install --help`, `uv pip install
// --help`, npm-install(1), `gem install --help`, `conda install --help`, cargo-install(1), `go help install`.
const apt: InstallSyntax = {
  manager: 'apt',
  verbs: words('install'),
  valued: words('-t --target-release --default-release -o --option -c --config-file -a --host-architecture'),
};
const apk: InstallSyntax = {
  manager: 'apk',
  verbs: words('add'),
  valued: words(
    '-t --virtual -X --repository -p --root --keys-dir --repositories-file --arch --wait --cache-dir --progress-fd --cache-max-age --timeout',
  ),
};
const rpm: InstallSyntax = {
  manager: 'rpm',
  verbs: words('install in reinstall localinstall'),
  valued: words(
    '-c --config --enablerepo --disablerepo --repo --repoid --setopt --installroot -x --exclude --excludepkgs --releasever --forcearch -d --debuglevel -e --errorlevel --rpmverbosity --disableexcludes --advisory -R --randomwait -r --from -t --type -p --plus-repo --root',
  ),
};
const pip: InstallSyntax = {
  manager: 'pip',
  verbs: words('install wheel'),
  valued: words(
    '-w --wheel-dir -r --requirement -c --constraint -e --editable -t --target -i --index-url --extra-index-url -f --find-links --prefix --root --src -b --build --upgrade-strategy --platform --python-version --implementation --abi --no-binary --only-binary --progress-bar --global-option --install-option --build-option -C --config-settings --proxy --timeout --default-timeout --retries --trusted-host --cert --client-cert --cache-dir --log --exists-action --python -p --index --default-index --index-strategy --keyring-provider --report --use-feature --use-deprecated --python-platform --torch-backend --overrides --override --build-constraint --resolution --prerelease --link-mode --exclude-newer --group --extra',
  ),
};
const npm: InstallSyntax = {
  manager: 'npm',
  verbs: words('install i add in'),
  valued: words(
    '--registry --prefix --cache --loglevel -C --dir --cwd --modules-folder --network-timeout --network-concurrency --tag -w --workspace --filter -F --mutex --userconfig --cache-folder --global-folder --store-dir --python --unsafe-perm --omit --include --arch --platform --cpu --os --libc',
  ),
};
const gem: InstallSyntax = {
  manager: 'gem',
  verbs: words('install i'),
  valued: words(
    '-v --version -i --install-dir -n --bindir -s --source --platform -P --trust-policy --document -p --http-proxy -B --bulk-threshold -g --file --config-file --target-rbconfig --without --build-root',
  ),
};
const conda: InstallSyntax = {
  manager: 'conda',
  verbs: words('install create'),
  valued: words(
    '-c --channel -n --name -p --prefix -f --file --repodata-fn --solver --experimental-solver --platform --subdir --revision --root-prefix -r --rc-file --category',
  ),
};
const cargo: InstallSyntax = {
  manager: 'cargo',
  verbs: words('install binstall'),
  valued: words(
    '--version --vers --git --branch --tag --rev --path --root --target --target-dir --features -F --bin --example --registry --index -j --jobs --profile --config --color -Z --message-format',
  ),
};
const go: InstallSyntax = {
  manager: 'go',
  verbs: words('install get'),
  valued: words(
    '-ldflags -tags -mod -modfile -p -gcflags -asmflags -gccgoflags -buildmode -compiler -installsuffix -o -overlay -pkgdir -toolexec -pgo -C',
  ),
};

/** How a program installs packages, by its name. */
export const installSyntaxes: Readonly<Record<string, InstallSyntax>> = {
  'apt-get': apt,
  apt,
  aptitude: apt,
  'apt-fast': apt,
  apk,
  yum: rpm,
  dnf: rpm,
  dnf5: rpm,
  tdnf: rpm,
  microdnf: rpm,
  zypper: rpm,
  pip,
  pip2: pip,
  pip3: pip,
  npm,
  yarn: npm,
  pnpm: npm,
  gem,
  conda,
  mamba: conda,
  micromamba: conda,
  cargo,
  go,
};
