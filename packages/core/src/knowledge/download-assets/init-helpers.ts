import type { DownloadTool } from './tool.ts';

/** What runs first in a container: inits, supervisors, privilege droppers, waiters. */
export const initHelpers: readonly DownloadTool[] = [
  {
    tool: 'gosu',
    github: 'tianon/gosu',
    files: 'gosu-{arch}',
    // gosu-armhf is built with GOARM=6; armel is for Debian's soft-float port.
    arch: 'amd64 arm64 armhf armel',
    checksums: { algorithm: 'sha256', url: '{base}/SHA256SUMS', format: 'sums' },
    fallback: { apt: 'gosu', apk: 'su-exec' },
    from: 'docker-library/redis:6.2/debian/Dockerfile',
  },
  {
    tool: 'gosu',
    // The first releases had one file, for x86-64.
    urls: 'github.com/tianon/gosu/releases/download/{1.0|1.1}/gosu{arch}',
    arch: '~ ? ? ?',
    fallback: { apt: 'gosu', apk: 'su-exec' },
    named: false,
    from: 'docker-library/mongo:2.2/Dockerfile before its port',
  },
  {
    tool: 'tini',
    github: 'krallin/tini',
    files: ['tini-{arch}', 'tini-static-{arch}'],
    arch: 'amd64 arm64 armhf armel',
    fallback: { apt: 'tini', apk: 'tini' },
    from: 'fcwu/docker-ubuntu-vnc-desktop:Dockerfile.armhf, file name in public code: tini-static-armel',
  },
  {
    tool: 'tini',
    github: 'krallin/tini',
    files: ['tini{arch}', 'tini-static{arch}'],
    arch: '~ -arm64 -armhf -armel',
    fallback: { apt: 'tini', apk: 'tini' },
    named: false,
    from: 'fcwu/docker-ubuntu-vnc-desktop:Dockerfile.armhf, file name in public code: tini-static-armel',
  },
  {
    tool: 'tini packages',
    github: 'krallin/tini',
    files: 'tini_{v}-{arch}.{deb|rpm}',
    arch: 'amd64 ? ? ?',
    fallback: { apt: 'tini' },
    from: 'krallin/tini:ci/run_build.sh',
  },
  {
    tool: 'tini packages',
    github: 'krallin/tini',
    files: 'tini_{v}{arch}.{deb|rpm}',
    arch: '~ ? ? ?',
    fallback: { apt: 'tini' },
    named: false,
    from: 'krallin/tini:ci/run_build.sh',
  },
  {
    tool: 'dumb-init',
    github: 'Yelp/dumb-init',
    urls: 's3.amazonaws.com/dumb-init-dist/v{v}/dumb-init_{v}_{arch}',
    files: 'dumb-init_{v}_{arch}',
    arch: [
      ['<1.2.3', 'amd64 - - -'],
      ['>=1.2.3', 'x86_64 aarch64 - -'],
    ],
    fallback: { apt: 'dumb-init', apk: 'dumb-init', note: 'pip install dumb-init builds it on any platform' },
    from: 'Yelp/dumb-init#216, Yelp/dumb-init#138',
  },
  {
    tool: 'dumb-init',
    github: 'Yelp/dumb-init',
    files: 'dumb-init_{v}_{arch}.deb',
    arch: 'amd64 ? - -',
    fallback: { apt: 'dumb-init' },
    from: 'Yelp/dumb-init#138',
  },
  {
    tool: 's6-overlay',
    github: 'just-containers/s6-overlay',
    files: ['s6-overlay-{arch}.tar.gz', 's6-overlay-{arch}-installer'],
    // Up to v2 armhf is the ordinary hard-float build, for ARMv6 and newer.
    arch: [['<3', 'amd64 aarch64 armhf armhf']],
    from: 'just-containers/s6-overlay:README.md',
  },
  {
    tool: 's6-overlay',
    github: 'just-containers/s6-overlay',
    files: 's6-overlay-{arch}.tar.xz',
    // From v3 on armhf is ARMv6 hard-float, and arm is ARMv7.
    arch: [['>=3', 'x86_64 aarch64 arm armhf']],
    checksums: { algorithm: 'sha256', url: '{url}.sha256', format: 'single' },
    from: 'just-containers/s6-overlay:README.md',
  },
  {
    tool: 'socklog-overlay',
    github: 'just-containers/socklog-overlay',
    files: 'socklog-overlay-{arch}.tar.gz',
    arch: 'amd64 aarch64 armhf ?',
    from: 'general knowledge: just-containers/socklog-overlay:README.md',
  },
];
