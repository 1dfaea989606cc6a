import {
  familiarReference,
  formatPlatform,
  formatPlatformList,
  type ImageReference,
  normalizePlatform,
  type Platform,
  platformsEqual,
} from '@mabuild/oci';
import type { Dockerfile, TextEdit } from '../dockerfile/model.ts';
import { renameImage } from '../dockerfile/rename-image.ts';
import { nameIn } from '../knowledge/architecture-names.ts';
import { readNamespace } from '../knowledge/namespaces.ts';
import { readVendorImage, type VendorImage } from '../knowledge/vendor-images.ts';
import { armPlatforms } from './code-finding.ts';
import { type ImageSite, imageSites, renameSite, siteRange } from './image-sites.ts';
import type { Finding, Rule, RuleContext } from './rule.ts';
import { vendorStages } from './vendor-names.ts';

const name = 'arch-suffix-in-tag';
const x64 = /(^|[-_./:])(?:amd64|x86[_-]64|x64)(?=[-_./:@]|$)/;
// Emulators, cross compilers and Windows: the word is not the image's own architecture, or none that ARM could have.
const others =
  /qemu-user-static|\bbinfmt|rust-musl|\bcross|dockcross|crosstool|toolchain|nanoserver|windows|\bxx\b/;

/** Tells whether an image's name or tag names x64. */
export function hasX86Name(text: string): boolean {
  return x64.test(text);
}

export const archSuffixInTag: Rule = {
  name,
  summary: 'The name or tag of an image names x86, e.g. 8.0-bookworm-slim-amd64.',
  page: {
    why: 'A name such as aspnet:8.0-bookworm-slim-amd64 or pause-amd64:3.1 is one x86 image and no index. The name without the word is often the index of every platform; some vendors have a name for each platform instead.',
    bad: 'FROM mcr.microsoft.com/dotnet/runtime:8.0-bookworm-slim-amd64',
    good: 'FROM mcr.microsoft.com/dotnet/runtime:8.0-bookworm-slim',
    perArch: {
      platform: 'linux/arm64',
      text: 'FROM mcr.microsoft.com/dotnet/runtime:8.0-bookworm-slim-arm64v8',
    },
    silent: [
      'When only x86 platforms are asked for.',
      'The image is an emulator or a cross compiler, whose name says what it works for, or for Windows.',
      'The stage is FROM --platform=$BUILDPLATFORM.',
    ],
  },
  async check(dockerfile, context) {
    if (!/amd64|x86[_-]64|x64/.test(dockerfile.text)) return [];
    const arms = armPlatforms(context);
    const findings: Finding[] = [];
    for (const site of imageSites(dockerfile, context)) {
      const { reference, base } = site.use;
      const platforms = site.platforms.filter((platform) => arms.includes(platform));
      const isX64 = x64.test(withoutHost(reference)) && !others.test(base.name) && !isNamespaced(reference);
      if (platforms.length === 0 || !isX64) continue;
      const vendor = readVendorImage(reference);
      const finding = vendor
        ? vendorFinding(dockerfile, site, platforms, vendor)
        : await otherFinding(dockerfile, site, platforms, context);
      findings.push({
        rule: name,
        severity: 'error',
        platforms,
        message: `${base.name} names x86`,
        range: siteRange(site),
        ...finding,
      });
    }
    return findings;
  },
};

type Rest = Pick<Finding, 'hint' | 'fix' | 'edits'>;

/** What a known vendor calls the image elsewhere. */
function vendorFinding(
  dockerfile: Dockerfile,
  site: ImageSite,
  platforms: readonly Platform[],
  vendor: VendorImage,
): Rest {
  const names = platforms.map((platform) => vendor.nameFor(platform));
  const has = platforms.filter((_, index) => names[index] !== undefined);
  const lacks = platforms.filter((_, index) => names[index] === undefined);
  if (lacks.length > 0) {
    const known = has.length > 0 ? `there is one for ${formatPlatformList(has)}; ` : '';
    return {
      hint: `${known}none is known for ${formatPlatformList(lacks)}: choose another image there`,
      fix: 'none',
      edits: [],
    };
  }
  if (vendor.index) {
    return {
      hint: `${familiarReference(vendor.index)} has ${formatPlatformList(platforms)}`,
      fix: 'auto',
      edits: renameSite(dockerfile, site, vendor.index),
    };
  }
  const short = throughTargetArch(dockerfile, site, platforms, vendor);
  const edits = short.length > 0 ? short : vendorStages(dockerfile, site);
  const own = platforms.map(
    (platform, index) => `${formatPlatform(platform)}: ${familiarReference(names[index] as ImageReference)}`,
  );
  return { hint: own.join(', '), fix: edits.length > 0 ? 'auto' : 'none', edits };
}

/** `plugins/base:linux-${TARGETARCH}`, where that is what the vendor calls it everywhere. */
function throughTargetArch(
  dockerfile: Dockerfile,
  { use }: ImageSite,
  platforms: readonly Platform[],
  vendor: VendorImage,
): readonly TextEdit[] {
  const { name: text } = use.base;
  if (use.kind !== 'from' || use.stage.base.raw !== text || text.split('amd64').length !== 2) return [];
  const isSame = platforms.every((platform) => {
    const wanted = vendor.nameFor(platform);
    const word = nameIn('goarch', platform);
    return (
      wanted && word && familiarReference(wanted) === familiarReference(use.reference).replace('amd64', word)
    );
  });
  return isSame
    ? renameImage(dockerfile, use, text.replace('amd64', '${TARGETARCH}'), { throughArgs: false })
    : [];
}

/** Images of which nothing is known but what a registry says. */
async function otherFinding(
  dockerfile: Dockerfile,
  site: ImageSite,
  platforms: readonly Platform[],
  context: RuleContext,
): Promise<Rest> {
  const plain = withoutWord(site.use.reference);
  if (!plain) return { hint: 'choose an image that is for every platform', fix: 'none', edits: [] };
  const has = await context.images.platformsOf(familiarReference(plain));
  const proven = platforms.every((platform) => has?.some((other) => platformsEqual(other, platform)));
  const sameRepository = plain.repository === site.use.reference.repository;
  const lacks = has !== undefined && !proven;
  return {
    hint: lacks
      ? `${familiarReference(plain)} does not have ${formatPlatformList(platforms)}; choose another image`
      : `${familiarReference(plain)} ${proven ? 'has' : 'may have'} ${formatPlatformList(platforms)}`,
    fix: proven ? 'auto' : sameRepository && !lacks ? 'suggest' : 'none',
    edits: (proven || sameRepository) && !lacks ? renameSite(dockerfile, site, plain) : [],
  };
}

function withoutWord(reference: ImageReference): ImageReference | undefined {
  const { tag, repository, digest } = reference;
  if (digest !== undefined) return undefined;
  if (tag !== undefined && x64.test(tag)) {
    const shorter = tag.replace(x64, '').replace(/^[-_.]/, '');
    return shorter === '' ? undefined : { ...reference, tag: shorter };
  }
  const shorter = repository.replace(/[-_](?:amd64|x86[_-]64|x64)$/, '');
  return shorter === repository ? undefined : { ...reference, repository: shorter };
}

function withoutHost({ repository, tag = '' }: ImageReference): string {
  return `${repository}:${tag}`;
}

/** `amd64/ubuntu` and its kin have rules of their own. */
function isNamespaced(reference: ImageReference): boolean {
  const named = readNamespace(reference);
  return named !== undefined && normalizePlatform(named.platform).architecture === 'amd64';
}
