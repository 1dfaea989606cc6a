import {
  familiarReference,
  formatPlatform,
  type ImageReference,
  type Platform,
  platformsEqual,
} from '@mabuild/oci';
import type { Dockerfile } from '../dockerfile/model.ts';
import { retargetReference } from '../dockerfile/retarget-reference.ts';
import { type ArchitectureNamespace, readNamespace } from '../knowledge/namespaces.ts';
import { isOfficialImage, officialImagePlatforms } from '../knowledge/official-images.ts';
import { serves } from '../knowledge/serves.ts';
import { imageSites, renameSite, siteRange } from './image-sites.ts';
import type { Finding, FixKind, RuleContext, Severity } from './rule.ts';
import { vendorNames, vendorStages } from './vendor-names.ts';

/** What a rule says of a namespace; `undefined` when it is not that rule's. */
export interface NamespaceVerdict {
  readonly severity: Severity;
  readonly fix: FixKind;
  readonly message: (name: string, platform: string) => string;
  /** Speak up although the namespace is the asked platform's. @default false */
  readonly always?: boolean;
}

/** Findings about architecture namespaces; the fix is the plain name, where official images have it. */
export function namespaceFindings(
  rule: string,
  dockerfile: Dockerfile,
  context: RuleContext,
  judge: (named: ArchitectureNamespace) => NamespaceVerdict | undefined,
): readonly Finding[] {
  return imageSites(dockerfile, context).flatMap((site) => {
    const named = readNamespace(site.use.reference);
    const verdict = named && judge(named);
    if (!verdict) return [];
    const platforms = verdict.always
      ? site.platforms
      : site.platforms.filter(
          (platform) =>
            !platformsEqual(platform, named.platform) && !isSubstitute(site.use.reference, platform),
        );
    if (platforms.length === 0) return [];
    const { plain } = named;
    const isX64 = named.platform.architecture === 'amd64';
    const stages = isX64 ? vendorStages(dockerfile, site) : [];
    const known = plain && site.use.reference.digest === undefined && isListed(plain, platforms);
    return [
      {
        rule,
        severity: milder(verdict, named.platform, platforms),
        platforms,
        message: verdict.message(site.use.base.name, formatPlatform(named.platform)),
        hint: known
          ? `${familiarReference(plain)} is the same image for every platform`
          : (vendorNames(site.use.reference, platforms) ?? 'choose an image that has the platform'),
        range: siteRange(site),
        fix: known || stages.length > 0 ? verdict.fix : ('none' as const),
        edits: known ? renameSite(dockerfile, site, plain) : stages,
      },
    ];
  });
}

/** An image for an older processor of the same kind runs: well for ARMv6 on ARMv7, slowly where floats are computed in software. */
function milder(verdict: NamespaceVerdict, own: Platform, platforms: readonly Platform[]): Severity {
  const runs = platforms.every((platform) => serves(own, platform));
  if (verdict.always || !runs) return verdict.severity;
  return own.variant === 'v5' ? 'warning' : 'info';
}

/** Tells whether the plain name has every platform, as far as the table knows the tag. */
function isListed(plain: ImageReference, platforms: readonly Platform[]): boolean {
  const repository = plain.repository.slice('library/'.length);
  const has = officialImagePlatforms(repository, plain.tag ?? 'latest');
  if (!has) return isOfficialImage(repository);
  return platforms.every((platform) => has.some((other) => serves(other, platform)));
}

/** Tells whether the name is what per-arch files give a platform for want of better: `arm32v5/debian` for arm/v6. */
export function isSubstitute(reference: ImageReference, platform: Platform): boolean {
  const to = retargetReference({ reference }, { platform, style: 'namespace' });
  return (
    !platformsEqual(to.platform, platform) && familiarReference(to.reference) === familiarReference(reference)
  );
}
