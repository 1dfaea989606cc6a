import { parseReference } from '@mabuild/oci';
import { Attached } from '../attached.ts';
import { resolveBase } from '../dockerfile/base.ts';
import type { Dockerfile, Stage } from '../dockerfile/model.ts';
import { type Answers, type Given, remembered } from './remembered.ts';

/** The family of a Linux distribution, by whose packages it has. */
export type DistributionFamily = 'debian' | 'ubuntu' | 'alpine' | 'rpm';

/** What a stage's image is made of. */
export interface Distribution {
  readonly family: DistributionFamily;
  /** The code name of the release, e.g. `bookworm`, where the image's name tells it. */
  readonly suite: string | undefined;
}

const debianSuites =
  /(?:^|[-_.])(wheezy|jessie|stretch|buster|bullseye|bookworm|trixie|forky|sid)(?:$|[-_.])/;
const ubuntuSuites =
  /(?:^|[-_.])(precise|trusty|xenial|bionic|cosmic|disco|eoan|focal|groovy|hirsute|impish|jammy|kinetic|lunar|mantic|noble|oracular|plucky|questing|resolute)(?:$|[-_.])/;
const rpmNames =
  /centos|fedora|rocky|almalinux|amazonlinux|oraclelinux|(?:^|[-/])ubi\d|rhel|opensuse|leap|(?:^|[-/])sles?|mageia|photon/;
const debianNumbers: Readonly<Record<string, string>> = {
  8: 'jessie',
  9: 'stretch',
  10: 'buster',
  11: 'bullseye',
  12: 'bookworm',
  13: 'trixie',
};
const ubuntuNumbers: Readonly<Record<string, string>> = {
  '14.04': 'trusty',
  '16.04': 'xenial',
  '18.04': 'bionic',
  '20.04': 'focal',
  '22.04': 'jammy',
  '24.04': 'noble',
  '26.04': 'resolute',
};
/** Docker's official images whose tags are Debian unless they say another distribution. */
const onDebian: ReadonlySet<string> = new Set(
  'node python golang ruby php perl rust gcc buildpack-deps pypy httpd nginx redis postgres memcached haproxy elixir erlang haskell julia r-base mono wordpress drupal ghost rails django iojs hylang swipl clojure dart jruby rakudo-star racket'.split(
    ' ',
  ),
);

const known: Answers<Stage, Distribution | undefined> = new Attached();

/** What a stage stands on, as far as its image's name tells. */
export function distributionOf(
  dockerfile: Dockerfile,
  stage: Stage | undefined,
  options: Given = {},
): Distribution | undefined {
  if (!stage) return undefined;
  return remembered(known, stage, options, () => readBase(dockerfile, stage, options));
}

function readBase(dockerfile: Dockerfile, stage: Stage, options: Given): Distribution | undefined {
  try {
    const base = resolveBase(dockerfile, stage, options);
    if (base.kind === 'stage') return distributionOf(dockerfile, base.stage, options);
    return base.kind === 'image' ? distributionOfImage(base.name) : undefined;
  } catch {
    // A name that is none has its own finding.
    return undefined;
  }
}

/** What an image is made of, as far as its name tells: `node:20-bookworm`. */
export function distributionOfImage(text: string): Distribution | undefined {
  const { registry, repository, tag = '' } = parseReference(text);
  const name = repository.slice(repository.lastIndexOf('/') + 1);
  const words = `${name}-${tag}`.toLowerCase();
  const of = (family: DistributionFamily, suite?: string): Distribution => ({ family, suite });
  if (/windowsservercore|nanoserver/.test(words)) return undefined;
  if (/alpine/.test(words)) return of('alpine');
  const debianSuite = debianSuites.exec(words)?.[1];
  if (debianSuite) return of('debian', debianSuite);
  const ubuntuSuite = ubuntuSuites.exec(words)?.[1];
  if (ubuntuSuite) return of('ubuntu', ubuntuSuite);
  if (rpmNames.test(`${repository}-${tag}`.toLowerCase())) return of('rpm');
  const number = /^(\d+)(?:\.(\d+))?/.exec(tag);
  if (/debian/.test(name)) return of('debian', debianNumbers[number?.[1] ?? '']);
  if (/ubuntu/.test(words)) {
    const release = /(?<!\d)(\d\d\.\d\d)(?!\d)/.exec(tag)?.[1];
    return of('ubuntu', ubuntuNumbers[release ?? '']);
  }
  const plain = repository.replace(/^(?:library|arm32v[567]|arm64v8|amd64)\//, '');
  return registry === 'docker.io' && onDebian.has(plain) ? of('debian') : undefined;
}
