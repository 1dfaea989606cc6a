import type { ImageReference } from '@mabuild/oci';
import { officialRepository, readNamespace } from './namespaces.ts';

/** A release of a distribution whose packages are no longer where its image looks for them. */
export interface EndedRelease {
  /** As people say it: `Debian 9 (stretch)`. */
  readonly name: string;
  /** The day of its last update. */
  readonly ended: string;
  /** Where the packages are now. */
  readonly archive: string;
  readonly manager: 'apt' | 'yum';
  /** A command that makes the image look there. */
  readonly repair: string;
}

const debianRepair =
  "sed -i -e 's|deb.debian.org/debian|archive.debian.org/debian|; s|httpredir.debian.org/debian|archive.debian.org/debian|' -e 's|security.debian.org[^ ]*|archive.debian.org/debian-security|' -e '/-updates/d' /etc/apt/sources.list";
const ubuntuRepair =
  "sed -i -E 's,http://(archive|security|ports)\\.ubuntu\\.com/ubuntu(-ports)?,http://old-releases.ubuntu.com/ubuntu,' /etc/apt/sources.list";
const centosRepair =
  'sed -i -e s/^mirrorlist=/#mirrorlist=/ -e "s|^#baseurl=http://mirror.centos.org/|baseurl=http://vault.centos.org/|" /etc/yum.repos.d/*.repo';

/**
 * Number, code name and last day of the releases that have left for an archive.
 * Sources: wiki.debian.org/DebianReleases and /LTS, archive.debian.org/debian/dists; wiki.ubuntu.com/Releases and
 * old-releases.ubuntu.com (LTS releases stay on ports.ubuntu.com); endoflife.date/centos and vault.centos.org.
 */
const debian = '7 wheezy 2018-05-31, 8 jessie 2020-06-30, 9 stretch 2022-06-30, 10 buster 2024-06-30';
const ubuntu =
  '12.04 precise 2017-04-28, 12.10 quantal 2014-05-16, 13.04 raring 2014-01-27, 13.10 saucy 2014-07-17, 14.10 utopic 2015-07-23, 15.04 vivid 2016-02-04, 15.10 wily 2016-07-28, 16.10 yakkety 2017-07-20, 17.04 zesty 2018-01-13, 17.10 artful 2018-07-19, 18.10 cosmic 2019-07-18, 19.04 disco 2020-01-23, 19.10 eoan 2020-07-17, 20.10 groovy 2021-07-22, 21.04 hirsute 2022-01-20, 21.10 impish 2022-07-14, 22.10 kinetic 2023-07-20, 23.04 lunar 2024-01-25, 23.10 mantic 2024-07-11, 24.10 oracular 2025-07-10';
const centos: Readonly<Record<string, string>> = {
  5: '2017-03-31',
  6: '2020-11-30',
  7: '2024-06-30',
  8: '2021-12-31',
};

interface ListedRelease {
  readonly image: string;
  readonly number: string;
  readonly code: string;
  readonly release: EndedRelease;
}

const listed: readonly ListedRelease[] = [
  ...read('debian', 'Debian', debian, 'archive.debian.org', debianRepair),
  ...read('ubuntu', 'Ubuntu', ubuntu, 'old-releases.ubuntu.com', ubuntuRepair),
];

function read(
  image: string,
  title: string,
  list: string,
  archive: string,
  repair: string,
): readonly ListedRelease[] {
  return list.split(', ').map((entry) => {
    const [number = '', code = '', ended = ''] = entry.split(' ');
    const release = { name: `${title} ${number} (${code})`, ended, archive, manager: 'apt' as const, repair };
    return { image, number, code, release };
  });
}

/** The ended release that an official image is made of, as far as its tag says; `undefined` for all others. */
export function endedRelease(reference: ImageReference): EndedRelease | undefined {
  const named = readNamespace(reference);
  const plain = named ? named.plain : reference;
  const repository = plain && officialRepository(plain);
  const tag = plain?.tag ?? 'latest';
  if (repository === undefined) return undefined;
  if (repository === 'centos') return endedCentos(tag);
  const words = tag.split('-');
  const [first = ''] = words;
  const number = repository === 'debian' ? first.split('.')[0] : first;
  return listed.find(
    ({ image, code, number: own }) => words.includes(code) || (image === repository && own === number),
  )?.release;
}

function endedCentos(tag: string): EndedRelease | undefined {
  const number = tag === 'latest' ? '8' : (/^(?:centos)?(\d+)/.exec(tag)?.[1] ?? '');
  const ended = centos[number];
  return ended === undefined
    ? undefined
    : { name: `CentOS ${number}`, ended, archive: 'vault.centos.org', manager: 'yum', repair: centosRepair };
}
