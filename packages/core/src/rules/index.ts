import { archConstantInEnv } from './arch-constant-in-env.ts';
import { archSuffixInTag } from './arch-suffix-in-tag.ts';
import { armNamespaceWrongTarget } from './arm-namespace-wrong-target.ts';
import { bareNameX86Asset } from './bare-name-x86-asset.ts';
import { baseImageLacksPlatform } from './base-image-lacks-platform.ts';
import { checksumTiedToArch } from './checksum-tied-to-arch.ts';
import { commandNamesX86Binary } from './command-names-x86-binary.ts';
import { copyFromImageLacksPlatform } from './copy-from-image-lacks-platform.ts';
import { deprecatedArmNamespace } from './deprecated-arm-namespace.ts';
import { digestInCommand } from './digest-in-command.ts';
import { fromPlatformConstantX86 } from './from-platform-constant-x86.ts';
import { goarmMismatch } from './goarm-mismatch.ts';
import { imageRules } from './image-rules.ts';
import { knownAssetX86Url } from './known-asset-x86-url.ts';
import { noAssetForTarget } from './no-asset-for-target.ts';
import { packageRules } from './package-rules.ts';
import { prebuiltX86File } from './prebuilt-x86-file.ts';
import { rootfsTarball } from './rootfs-tarball.ts';
import type { Rule } from './rule.ts';
import { toolchainRules } from './toolchain-rules.ts';
import { unexplainedX86Word } from './unexplained-x86-word.ts';
import { x86NameFromArchive } from './x86-name-from-archive.ts';
import { x86Namespace } from './x86-namespace.ts';
import { x86PackageFile } from './x86-package-file.ts';
import { x86UrlInEnvArg } from './x86-url-in-env-arg.ts';

export type { Finding, FixKind, ImageFacts, Rule, RuleContext, RulePage, Severity } from './rule.ts';
export { isMadeUnasked } from './rule.ts';
export { optInRules } from './toolchain-rules.ts';

/** The rules that check and migrate follow unless told otherwise. */
export const recommendedRules: readonly Rule[] = [
  baseImageLacksPlatform,
  copyFromImageLacksPlatform,
  armNamespaceWrongTarget,
  x86Namespace,
  deprecatedArmNamespace,
  fromPlatformConstantX86,
  archSuffixInTag,
  knownAssetX86Url,
  x86UrlInEnvArg,
  archConstantInEnv,
  bareNameX86Asset,
  x86PackageFile,
  noAssetForTarget,
  checksumTiedToArch,
  x86NameFromArchive,
  prebuiltX86File,
  commandNamesX86Binary,
  rootfsTarball,
  ...imageRules,
  ...packageRules,
  ...toolchainRules,
  digestInCommand,
  goarmMismatch,
  unexplainedX86Word,
];
