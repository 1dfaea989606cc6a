import type { PackageManager } from './install-options.ts';

/** A package of a distribution or of a vendor's repository that ARM lacks. */
export interface X86Package {
  readonly manager: PackageManager;
  /** The name; `*` at the end stands for any rest. */
  readonly name: string;
  /** The ARM platforms that have it all the same. */
  readonly platforms: readonly string[];
  /**
   * `hardware`: it drives parts that only x86 machines have, so ARM is complete without it;
   * `program`: somebody wants to run it, and has to say what to do instead.
   */
  readonly kind: 'hardware' | 'program';
  /** What does the same on ARM, where Debian's packages are: elsewhere the name may be another's. */
  readonly replacement?: { readonly name: string; readonly platforms: readonly string[] };
  /** What it is, or what to use. */
  readonly note: string;
}

const arm64 = ['linux/arm64'];
const v7AndArm64 = ['linux/arm64', 'linux/arm/v7'];

function rows(
  manager: PackageManager,
  kind: X86Package['kind'],
  names: string,
  note: string,
  more: Partial<X86Package> = {},
): readonly X86Package[] {
  return names.split(' ').map((name) => ({ manager, kind, name, platforms: [], note, ...more }));
}

/**
 * Packages by name, the first that matches counts. Debian's own are checked against its indices of bullseye, bookworm and
 * trixie (see debian-packages.data.ts); Alpine's against `arch=` of
 * their APKBUILD in alpinelinux/aports (but intel-compute-runtime and memtest86+); vendors' repositories are general knowledge of
 * what they publish. What a release of Debian lacks beyond these is in its own table.
 */
const table: readonly X86Package[] = [
  // Drivers and firmware of x86 parts.
  ...rows(
    'apt',
    'hardware',
    'i965-va-driver libva-intel-vaapi-driver i965-va-driver-shaders intel-media-va-driver intel-media-va-driver-non-free',
    "VA-API drivers for Intel's graphics",
  ),
  ...rows('apt', 'hardware', 'intel-microcode amd64-microcode iucode-tool', 'microcode of x86 processors'),
  ...rows(
    'apt',
    'hardware',
    'intel-opencl-icd intel-level-zero-gpu intel-igc-core intel-igc-opencl intel-igc-cm libze-intel-gpu1 beignet beignet-opencl-icd libigc1 libigdfcl1 libigdgmm11 libigdgmm12',
    "compute drivers for Intel's graphics",
  ),
  ...rows('apt', 'hardware', 'libmfx1 libmfx-gen1.2 libmfxgen1 libmfx-tools', "Intel's media runtime"),
  ...rows(
    'apt',
    'hardware',
    'intel-gpu-tools xserver-xorg-video-intel',
    "tools and driver for Intel's graphics",
  ),
  ...rows('apt', 'hardware', 'vbetool v86d', 'video of PCs'),
  ...rows(
    'apt',
    'hardware',
    'msr-tools cpuid i7z thermald x86info mcelog',
    'reads registers of x86 processors',
  ),
  ...rows('apk', 'hardware', 'libva-intel-driver intel-media-driver', "VA-API drivers for Intel's graphics"),
  ...rows(
    'apk',
    'hardware',
    'intel-media-sdk onevpl-intel-gpu intel-gmmlib intel-graphics-compiler intel-compute-runtime',
    "drivers for Intel's graphics",
  ),
  ...rows('apk', 'hardware', 'intel-ucode iucode-tool', 'microcode of x86 processors'),
  ...rows('apk', 'hardware', 'xf86-video-intel', "driver of Intel's graphics"),
  ...rows('rpm', 'hardware', 'microcode_ctl mcelog', 'microcode and errors of x86 processors'),
  ...rows(
    'rpm',
    'hardware',
    'libva-intel-driver intel-media-driver intel-mediasdk libva-intel-media-driver xorg-x11-drv-intel',
    "drivers for Intel's graphics",
  ),

  // Libraries of Intel's.
  ...rows(
    'apt',
    'program',
    'libmfx-dev libvpl-dev libvpl2 libvpl-tools onevpl-tools libigdgmm-dev libigc-dev',
    "a program that is built with Intel's media libraries has to be built without them on ARM",
  ),
  ...rows(
    'apt',
    'program',
    'intel-mkl intel-mkl-64bit-* libmkl-* intel-oneapi-* intel-basekit intel-hpckit',
    'OpenBLAS is what ARM has instead of MKL',
  ),
  ...rows(
    'rpm',
    'program',
    'intel-mkl intel-mkl-* intel-oneapi-*',
    'OpenBLAS is what ARM has instead of MKL',
  ),

  // Starting PCs.
  ...rows(
    'apt',
    'program',
    'grub-pc grub-pc-bin grub2 grub-legacy',
    'starts PCs with a BIOS; grub-efi-arm64 starts ARM machines',
  ),
  ...rows('apt', 'program', 'grub-efi-amd64* grub-efi-ia32*', 'grub-efi-arm64 starts ARM machines'),
  ...rows(
    'apt',
    'program',
    'syslinux syslinux-utils extlinux memtest86+ memtest86 lilo loadlin',
    'starts PCs',
  ),
  ...rows('apk', 'program', 'syslinux grub-bios memtest86+', 'starts PCs; grub-efi starts ARM machines'),
  ...rows(
    'rpm',
    'program',
    'syslinux syslinux-* grub2-pc grub2-pc-modules grub2-efi-x64* shim-x64 memtest86+',
    'starts PCs',
  ),
  ...rows(
    'apt',
    'program',
    'linux-image-amd64 linux-headers-amd64 linux-image-cloud-amd64 linux-headers-cloud-amd64',
    "linux-image-arm64 is ARM's kernel",
  ),

  // Programs whose makers publish them for x64 alone.
  ...rows(
    'apt',
    'program',
    'google-chrome-stable google-chrome-beta google-chrome-unstable google-chrome',
    'Chromium is the same browser',
    {
      replacement: { name: 'chromium', platforms: v7AndArm64 },
    },
  ),
  ...rows(
    'rpm',
    'program',
    'google-chrome-stable google-chrome-beta google-chrome-unstable',
    'Chromium is the same browser',
  ),
  ...rows(
    'apt',
    'program',
    'microsoft-edge-stable microsoft-edge-beta microsoft-edge-dev opera-stable',
    'a browser for x64',
  ),
  ...rows(
    'apt',
    'program',
    'steam steam-installer steam-launcher steam-libs steamcmd',
    "Valve's programs are for x86",
  ),
  ...rows(
    'apt',
    'program',
    'winehq-stable winehq-devel winehq-staging wine-stable wine-staging wine-devel',
    'runs Windows programs for x86',
  ),
  ...rows('apt', 'program', 'bazel', 'bazelisk is published for 64-bit ARM too'),
  ...rows(
    'apt',
    'program',
    'influxdb2 influxdb2-cli clickhouse-server clickhouse-client clickhouse-common-static brave-browser',
    'its makers publish it for 64 bits',
    { platforms: arm64 },
  ),
  ...rows(
    'apt',
    'program',
    'dotnet-sdk-* dotnet-runtime-* aspnetcore-runtime-*',
    "Microsoft's packages are for 64 bits; dotnet-install.sh brings .NET for 32-bit ARM",
    { platforms: arm64 },
  ),
  ...rows('apk', 'program', 'wine', 'runs Windows programs for x86'),
  ...rows('apt', 'program', 'wine64', 'runs Windows programs for x64', { platforms: arm64 }),
  ...rows(
    'apt',
    'program',
    'virtualbox virtualbox-dkms virtualbox-qt virtualbox-guest-utils virtualbox-guest-x11 virtualbox-guest-dkms virtualbox-ext-pack virtualbox-4.* virtualbox-5.* virtualbox-6.* virtualbox-7.*',
    'virtual machines of x86',
  ),
  ...rows('apk', 'program', 'virtualbox-guest-additions', 'virtual machines of x86'),
  ...rows('rpm', 'program', 'VirtualBox VirtualBox-*', 'virtual machines of x86'),
  ...rows(
    'apt',
    'program',
    'skypeforlinux atom teamviewer zoom spotify-client slack-desktop dropbox nautilus-dropbox discord mssql-server foxitreader',
    'its makers publish it for x64 alone',
  ),
  ...rows('rpm', 'program', 'mssql-server', 'its makers publish it for x64 alone'),
  ...rows(
    'apt',
    'program',
    'mongodb-org mongodb-org-server mongodb-org-mongos mongodb-org-shell mongodb-org-tools mongodb-mongosh',
    'MongoDB is published for 64 bits',
    { platforms: arm64 },
  ),
  ...rows(
    'apt',
    'program',
    'elasticsearch kibana logstash filebeat metricbeat heartbeat-elastic packetbeat auditbeat',
    'Elastic publishes it for 64 bits',
    { platforms: arm64 },
  ),
  ...rows(
    'apt',
    'program',
    'nvidia-container-toolkit nvidia-docker2 nvidia-container-runtime cuda cuda-toolkit-* cuda-runtime-* libcudnn8 libcudnn8-dev libcudnn9-*',
    "NVIDIA's packages for ARM are for 64 bits, from its sbsa repository",
    { platforms: arm64 },
  ),

  // What Alpine has for some of ARM.
  ...rows(
    'apk',
    'program',
    'openjdk11 openjdk11-* openjdk17 openjdk17-* openjdk21 openjdk21-*',
    'Alpine builds it for 64 bits; openjdk8 is there for 32-bit ARM too',
    { platforms: arm64 },
  ),
  ...rows(
    'apk',
    'program',
    'chromium chromium-* firefox valgrind',
    'Alpine does not build it for armhf, its ARMv6',
    {
      platforms: v7AndArm64,
    },
  ),
];

/** The packages of a manager: by name, and those whose names begin so. */
interface Listed {
  readonly exact: Map<string, X86Package>;
  readonly prefixes: { readonly prefix: string; readonly item: X86Package }[];
}

const byManager = new Map<PackageManager, Listed>();
for (const item of table) {
  const listed: Listed = byManager.get(item.manager) ?? { exact: new Map(), prefixes: [] };
  byManager.set(item.manager, listed);
  if (item.name.endsWith('*')) listed.prefixes.push({ prefix: item.name.slice(0, -1), item });
  else if (!listed.exact.has(item.name)) listed.exact.set(item.name, item);
}

/** The names of a manager's packages that some ARM platform lacks; those that end in `*` stand for all that begin so. */
export function x86PackageNames(manager: PackageManager): readonly string[] {
  return table.filter((item) => item.manager === manager).map(({ name }) => name);
}

/** What is known of a package that some ARM platform lacks; `undefined` for all others. */
export function findX86Package(manager: PackageManager, name: string): X86Package | undefined {
  const listed = byManager.get(manager);
  return listed?.exact.get(name) ?? listed?.prefixes.find(({ prefix }) => name.startsWith(prefix))?.item;
}
