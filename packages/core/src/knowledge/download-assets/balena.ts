import type { DownloadTool } from './tool.ts';

/** What balena, once resin.io, built for the boards of its devices. */
export const balena: readonly DownloadTool[] = [
  {
    tool: 'resin packages: go',
    urls: 'resin-packages.s3.amazonaws.com/golang/v{v}/go{v}.linux-{|alpine-}{arch}.tar.gz',
    arch: 'amd64 ? armv7hf armv6hf',
    named: false,
    from: 'public Dockerfiles of balenalib bases: go$GO_VERSION.linux-alpine-armv7hf, -armv6hf',
  },
  {
    tool: 'resin packages: node',
    urls: 'resin-packages.s3.amazonaws.com/node/v{v}/node-v{v}-linux-{arch}.tar.gz',
    arch: 'amd64 ? armv7hf ?',
    named: false,
    from: 'public Dockerfiles of resin/raspberrypi3 bases: node-v$NODE_VERSION-linux-armv7hf',
  },
  {
    tool: 'resin packages: node for Alpine',
    urls: 'resin-packages.s3.amazonaws.com/node/v{v}/node-v{v}-linux-alpine-{arch}.tar.gz',
    arch: 'amd64 ? armhf ?',
    named: false,
    from: 'public Dockerfiles of resin/raspberrypi3-alpine-node: node-v$NODE_VERSION-linux-alpine-armhf',
  },
  {
    tool: 'resin packages: docker compose',
    urls: 'resin-packages.s3.amazonaws.com/docker-compose/{v}/docker-compose-linux-{|alpine-}{arch}-{v}.tar.gz',
    arch: 'amd64 ? armhf ?',
    named: false,
    from: 'balena-os/balena-supervisor:Dockerfile.armv7hf',
  },
];
