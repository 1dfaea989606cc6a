import { archInLabel } from './arch-in-label.ts';
import { archSwitchLacksArm32 } from './arch-switch-lacks-arm32.ts';
import { cacheMountSharedAcrossArch } from './cache-mount-shared-across-arch.ts';
import { configureTripletX86 } from './configure-triplet-x86.ts';
import { cpuTuningFlag } from './cpu-tuning-flag.ts';
import { dotnetRidX64 } from './dotnet-rid-x64.ts';
import { dynamicLoaderPath } from './dynamic-loader-path.ts';
import { emulationHostileStep } from './emulation-hostile-step.ts';
import { goarchX86 } from './goarch-x86.ts';
import { javaHomeArch } from './java-home-arch.ts';
import { multiarchLibdir } from './multiarch-libdir.ts';
import { nativeBuildStage } from './native-build-stage.ts';
import { pageSizeHazard } from './page-size-hazard.ts';
import { pipedInstaller } from './piped-installer.ts';
import { platformArgDefault } from './platform-arg-default.ts';
import { platformArgUndeclared } from './platform-arg-undeclared.ts';
import { platformArgsOnClassicBuilder } from './platform-args-on-classic-builder.ts';
import { redundantTargetPlatform } from './redundant-target-platform.ts';
import type { Rule } from './rule.ts';
import { rustTargetX86 } from './rust-target-x86.ts';
import { targetarchLosesVariant } from './targetarch-loses-variant.ts';
import { unameInUrl } from './uname-in-url.ts';
import { x86OnlyCondition } from './x86-only-condition.ts';
import { x86PreloadOrJvmFlag } from './x86-preload-or-jvm-flag.ts';

/** Rules about paths, compilers, conditions and BuildKit's automatic ARGs. */
export const toolchainRules: readonly Rule[] = [
  platformArgDefault,
  platformArgUndeclared,
  targetarchLosesVariant,
  x86OnlyCondition,
  archSwitchLacksArm32,
  multiarchLibdir,
  goarchX86,
  javaHomeArch,
  rustTargetX86,
  dotnetRidX64,
  dynamicLoaderPath,
  configureTripletX86,
  x86PreloadOrJvmFlag,
  unameInUrl,
  cpuTuningFlag,
  archInLabel,
  redundantTargetPlatform,
  pageSizeHazard,
  pipedInstaller,
  emulationHostileStep,
  cacheMountSharedAcrossArch,
];

/** Rules for who asks for them: `check --rule ID=level`, or `mabuild.config.js` lists them among its plugins. */
export const optInRules: readonly Rule[] = [nativeBuildStage, platformArgsOnClassicBuilder];
