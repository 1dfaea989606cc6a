import type { DownloadTool } from './tool.ts';

const debianHosts =
  '{deb.debian.org|ftp.debian.org|httpredir.debian.org|ftp.us.debian.org|http.us.debian.org|ftp.de.debian.org|ftp.uk.debian.org|ftp.fr.debian.org}';
const alpineHosts =
  '{dl-cdn.alpinelinux.org|dl-2.alpinelinux.org|dl-3.alpinelinux.org|dl-4.alpinelinux.org|dl-5.alpinelinux.org|nl.alpinelinux.org|mirrors.aliyun.com|mirrors.tuna.tsinghua.edu.cn}';

/** Root file systems and single packages of distributions. */
export const distributions: readonly DownloadTool[] = [
  {
    tool: 'alpine root file system',
    urls: [
      `${alpineHosts}/alpine/{*}/releases/{arch}/alpine-{minirootfs|standard|virt|netboot}-{v}-{arch}.{tar.gz|iso}`,
      'dl-cdn.alpinelinux.org/{v}/releases/{arch}/alpine-minirootfs-{v}-{arch}.tar.gz',
    ],
    arch: 'x86_64 aarch64 armv7 armhf',
    checksums: { algorithm: 'sha256', url: '{url}.sha256', format: 'sums' },
    from: 'general knowledge: alpinelinux.org: Downloads',
  },
  {
    tool: 'alpine packages',
    urls: `${alpineHosts}/alpine/{*}/{main|community}/{arch}/{*}.apk`,
    arch: 'x86_64 aarch64 armv7 armhf',
    named: false,
    from: 'general knowledge: wiki.alpinelinux.org: Architecture',
  },
  {
    tool: 'debian packages',
    urls: [
      `${debianHosts}/debian/pool/main/{*}/{*}/{*}_{arch}.deb`,
      'security.debian.org/debian-security/pool/updates/main/{*}/{*}/{*}_{arch}.deb',
      'security.debian.org/pool/updates/main/{*}/{*}/{*}_{arch}.deb',
      'archive.debian.org/debian/pool/main/{*}/{*}/{*}_{arch}.deb',
    ],
    arch: 'amd64 arm64 armhf ?',
    named: false,
    from: 'general knowledge: wiki.debian.org: SupportedArchitectures',
  },
  {
    tool: 'ubuntu packages',
    urls: ['{arch2}/pool/{main|universe}/{*}/{*}/{*}_{arch}.deb'],
    arch: [
      [
        '',
        'amd64,archive.ubuntu.com/ubuntu arm64,ports.ubuntu.com/ubuntu-ports armhf,ports.ubuntu.com/ubuntu-ports -',
      ],
      [
        '',
        'amd64,security.ubuntu.com/ubuntu arm64,ports.ubuntu.com/ubuntu-ports armhf,ports.ubuntu.com/ubuntu-ports -',
      ],
      [
        '',
        'amd64,us.archive.ubuntu.com/ubuntu arm64,ports.ubuntu.com/ubuntu-ports armhf,ports.ubuntu.com/ubuntu-ports -',
      ],
      [
        '',
        'amd64,mirrors.kernel.org/ubuntu arm64,ports.ubuntu.com/ubuntu-ports armhf,ports.ubuntu.com/ubuntu-ports -',
      ],
      [
        '',
        'amd64,nz2.archive.ubuntu.com/ubuntu arm64,ports.ubuntu.com/ubuntu-ports armhf,ports.ubuntu.com/ubuntu-ports -',
      ],
    ],
    named: false,
    from: 'general knowledge: wiki.ubuntu.com: SupportedArchitectures; ports.ubuntu.com',
  },
  {
    tool: 'ubuntu root file system',
    urls: [
      'cdimage.ubuntu.com/ubuntu-base/releases/{*}/release/ubuntu-base-{v}-base-{arch}.tar.gz',
      'cdimage.ubuntu.com/ubuntu-core/releases/{*}/release/ubuntu-core-{v}-core-{arch}.tar.gz',
      'partner-images.canonical.com/core/{*}/{*}/ubuntu-{*}-core-cloudimg-{arch}-root.tar.gz',
      'partner-images.canonical.com/oci/{*}/{*}/ubuntu-{*}-oci-{arch}-root.tar.gz',
      'partner-images.canonical.com/core/unsupported/{*}/{*}/ubuntu-{*}-core-cloudimg-{arch}-root.tar.gz',
    ],
    arch: 'amd64 arm64 armhf -',
    checksums: { algorithm: 'sha256', url: '{base}/SHA256SUMS', format: 'sums' },
    from: 'linuxserver/docker-baseimage-ubuntu: Dockerfile.aarch64, Dockerfile.armhf',
  },
  {
    tool: 'ubuntu cloud image',
    urls: [
      'general knowledge: cloud-images.ubuntu.com/{*}/{*}/{*}-{server|minimal}-cloudimg-{arch}{|-root|-wsl}.{img|tar.gz|tar.xz|squashfs}',
    ],
    arch: 'amd64 arm64 armhf -',
    checksums: { algorithm: 'sha256', url: '{base}/SHA256SUMS', format: 'sums' },
    named: false,
    from: 'general knowledge: cloud-images.ubuntu.com',
  },
  {
    tool: 'alpine-pkg-glibc',
    github: ['sgerrand/alpine-pkg-glibc', 'andyshinn/alpine-pkg-glibc'],
    files: ['{glibc|glibc-bin|glibc-i18n|glibc-dev}-{v}.apk{arch}'],
    arch: '~ - - -',
    reason: 'alpine-pkg-glibc is for x86_64 only',
    fallback: { apk: 'gcompat libc6-compat', note: 'or take a Debian base' },
    named: false,
    from: 'general knowledge: sgerrand/alpine-pkg-glibc:README.md',
  },
  {
    tool: 'docker-glibc-builder',
    github: 'sgerrand/docker-glibc-builder',
    files: 'glibc-bin-{v}-{arch}.tar.gz',
    arch: 'x86_64 - - -',
    fallback: { apk: 'gcompat libc6-compat' },
    from: 'general knowledge: sgerrand/docker-glibc-builder releases',
  },
  {
    tool: 'docker packages (RPM)',
    urls: 'download.docker.com/linux/{centos|fedora|rhel}/{*}/{arch}/{stable|edge|test}/Packages/{*}.{arch}.rpm',
    arch: 'x86_64 aarch64 - -',
    named: false,
    from: 'general knowledge: docs.docker.com: Install Docker Engine on CentOS',
  },
  {
    tool: 'microsoft ODBC driver and SQL Server tools packages',
    urls: 'packages.microsoft.com/{debian|ubuntu}/{*}/prod/pool/main/{*}/{msodbcsql17|msodbcsql18|mssql-tools|mssql-tools18}/{msodbcsql17|msodbcsql18|mssql-tools|mssql-tools18}_{v}_{arch}.deb',
    arch: [
      ['<17.8', 'amd64 - - -'],
      ['>=17.8', 'amd64 ? - -'],
    ],
    fallback: { apt: 'tdsodbc' },
    named: false,
    from: 'general knowledge: learn.microsoft.com: ODBC driver for SQL Server, system requirements',
  },
  {
    tool: 'microsoft ODBC driver for Alpine',
    urls: 'download.microsoft.com/download/{*}/{*}/{*}/{*}/{msodbcsql17|msodbcsql18|mssql-tools|mssql-tools18}_{v}_{arch}.apk',
    arch: [
      ['<18', 'amd64 - - -'],
      ['>=18', 'amd64 ? - -'],
    ],
    fallback: { apk: 'freetds' },
    named: false,
    from: 'general knowledge: learn.microsoft.com: Install the ODBC driver on Linux',
  },
  {
    tool: 's6',
    github: 'just-containers/skaware',
    files: 's6-{v}-linux-{arch}-bin.tar.gz',
    arch: 'amd64 - - -',
    fallback: { apk: 's6' },
    from: 'just-containers/skaware releases',
  },
];
