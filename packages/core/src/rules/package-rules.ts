import { apkForeignPackage } from './apk-foreign-package.ts';
import { aptSourceArchAmd64 } from './apt-source-arch-amd64.ts';
import { browserToolchain } from './browser-toolchain.ts';
import { closedSourceDbClient } from './closed-source-db-client.ts';
import { condaX86 } from './conda-x86.ts';
import { exactPackagePin } from './exact-package-pin.ts';
import { i386Multilib } from './i386-multilib.ts';
import { pipNativePackage } from './pip-native-package.ts';
import { rpmArchSuffix } from './rpm-arch-suffix.ts';
import type { Rule } from './rule.ts';
import { ubuntuPrimaryArchive } from './ubuntu-primary-archive.ts';
import { x86OnlyDistroPackage } from './x86-only-distro-package.ts';
import { x86OnlyFrameworkBuild } from './x86-only-framework-build.ts';
import { x86WheelUrl } from './x86-wheel-url.ts';

/** Rules about what package managers install, and from where. */
export const packageRules: readonly Rule[] = [
  pipNativePackage,
  x86OnlyDistroPackage,
  i386Multilib,
  ubuntuPrimaryArchive,
  condaX86,
  exactPackagePin,
  aptSourceArchAmd64,
  browserToolchain,
  rpmArchSuffix,
  x86OnlyFrameworkBuild,
  apkForeignPackage,
  x86WheelUrl,
  closedSourceDbClient,
];
