import { familiarReference, parsePlatform, parseReference } from '@mabuild/oci';
import { expect } from 'chai';
import { readVendorImage } from '../../../packages/core/src/knowledge/vendor-images.ts';

/** A name, what it says, the index, and its names on arm64, arm/v7 and arm/v6; `-`: none is known. */
const rows: readonly (readonly [string, string, string, string])[] = [
  [
    'ghcr.io/linuxserver/baseimage-alpine:3.17',
    '- ghcr.io/linuxserver/baseimage-alpine:3.17',
    'ghcr.io/linuxserver/baseimage-alpine:arm64v8-3.17 ghcr.io/linuxserver/baseimage-alpine:arm32v7-3.17 -',
    'ghcr.io/linuxserver/baseimage-alpine:3.17',
  ],
  [
    'ghcr.io/linuxserver/baseimage-alpine:3.19',
    '- ghcr.io/linuxserver/baseimage-alpine:3.19',
    'ghcr.io/linuxserver/baseimage-alpine:arm64v8-3.19 - -',
    'ghcr.io/linuxserver/baseimage-alpine:3.19',
  ],
  [
    'ghcr.io/linuxserver/baseimage-ubuntu:noble',
    '- ghcr.io/linuxserver/baseimage-ubuntu:noble',
    'ghcr.io/linuxserver/baseimage-ubuntu:arm64v8-noble - -',
    'ghcr.io/linuxserver/baseimage-ubuntu:noble',
  ],
  [
    'lsiobase/ubuntu:amd64-bionic',
    'linux/amd64 lsiobase/ubuntu:bionic',
    'lsiobase/ubuntu:arm64v8-bionic lsiobase/ubuntu:arm32v7-bionic -',
    'lsiobase/ubuntu:amd64-bionic',
  ],
  [
    'lscr.io/linuxserver/swag',
    '- lscr.io/linuxserver/swag:latest',
    'lscr.io/linuxserver/swag:arm64v8-latest - -',
    'lscr.io/linuxserver/swag:latest',
  ],
  [
    'lsiobase/alpine.nginx:3.6',
    'linux/amd64 -',
    'lsiobase/alpine.nginx.arm64:3.6 lsiobase/alpine.nginx.armhf:3.6 -',
    'lsiobase/alpine.nginx:3.6',
  ],
  [
    'lsiobase/alpine.armhf:3.5',
    'linux/arm/v7 -',
    'lsiobase/alpine.arm64:3.5 lsiobase/alpine.armhf:3.5 -',
    'lsiobase/alpine:3.5',
  ],
  [
    'mcr.microsoft.com/dotnet/aspnet:8.0-bookworm-slim-amd64',
    'linux/amd64 mcr.microsoft.com/dotnet/aspnet:8.0-bookworm-slim',
    'mcr.microsoft.com/dotnet/aspnet:8.0-bookworm-slim-arm64v8 mcr.microsoft.com/dotnet/aspnet:8.0-bookworm-slim-arm32v7 -',
    'mcr.microsoft.com/dotnet/aspnet:8.0-bookworm-slim-amd64',
  ],
  [
    'mcr.microsoft.com/dotnet/sdk:8.0-azurelinux3.0-amd64',
    'linux/amd64 mcr.microsoft.com/dotnet/sdk:8.0-azurelinux3.0',
    'mcr.microsoft.com/dotnet/sdk:8.0-azurelinux3.0-arm64v8 - -',
    'mcr.microsoft.com/dotnet/sdk:8.0-azurelinux3.0-amd64',
  ],
  [
    'mcr.microsoft.com/dotnet/core/runtime:3.1-buster-slim',
    'linux/amd64 -',
    'mcr.microsoft.com/dotnet/core/runtime:3.1-buster-slim-arm64v8 mcr.microsoft.com/dotnet/core/runtime:3.1-buster-slim-arm32v7 -',
    'mcr.microsoft.com/dotnet/core/runtime:3.1-buster-slim',
  ],
  [
    'mcr.microsoft.com/dotnet/runtime:3.1.18-alpine3.13',
    'linux/amd64 -',
    'mcr.microsoft.com/dotnet/runtime:3.1.18-alpine3.13-arm64v8 - -',
    'mcr.microsoft.com/dotnet/runtime:3.1.18-alpine3.13',
  ],
  [
    'mcr.microsoft.com/dotnet/core/aspnet:2.2-stretch-slim',
    'linux/amd64 -',
    '- mcr.microsoft.com/dotnet/core/aspnet:2.2-stretch-slim-arm32v7 -',
    'mcr.microsoft.com/dotnet/core/aspnet:2.2-stretch-slim',
  ],
  [
    'mcr.microsoft.com/dotnet/core/runtime:2.1.10-alpine3.7',
    'linux/amd64 -',
    '- - -',
    'mcr.microsoft.com/dotnet/core/runtime:2.1.10-alpine3.7',
  ],
  [
    'mcr.microsoft.com/azureiotedge-hub:1.0-linux-amd64',
    'linux/amd64 -',
    'mcr.microsoft.com/azureiotedge-hub:1.0-linux-arm64v8 mcr.microsoft.com/azureiotedge-hub:1.0-linux-arm32v7 -',
    'mcr.microsoft.com/azureiotedge-hub:1.0-linux-amd64',
  ],
  [
    'azureiotedge/azureiotedge-runtime-base:1.1-linux-amd64',
    'linux/amd64 -',
    'azureiotedge/azureiotedge-runtime-base:1.1-linux-arm64v8 azureiotedge/azureiotedge-runtime-base:1.1-linux-arm32v7 -',
    'azureiotedge/azureiotedge-runtime-base:1.1-linux-amd64',
  ],
  [
    'gcr.io/distroless/static:nonroot-amd64',
    'linux/amd64 gcr.io/distroless/static:nonroot',
    'gcr.io/distroless/static:nonroot-arm64 gcr.io/distroless/static:nonroot-arm -',
    'gcr.io/distroless/static:nonroot-amd64',
  ],
  [
    'gcr.io/distroless/java17-debian12:latest-amd64',
    'linux/amd64 gcr.io/distroless/java17-debian12:latest',
    'gcr.io/distroless/java17-debian12:latest-arm64 - -',
    'gcr.io/distroless/java17-debian12:latest-amd64',
  ],
  [
    'balenalib/amd64-debian:buster',
    'linux/amd64 -',
    'balenalib/aarch64-debian:buster balenalib/armv7hf-debian:buster balenalib/rpi-debian:buster',
    'balenalib/amd64-debian:buster',
  ],
  [
    'balenalib/amd64-ubuntu:bionic',
    'linux/amd64 -',
    'balenalib/aarch64-ubuntu:bionic balenalib/armv7hf-ubuntu:bionic -',
    'balenalib/amd64-ubuntu:bionic',
  ],
  [
    'resin/amd64-node:6',
    'linux/amd64 -',
    'resin/aarch64-node:6 resin/armv7hf-node:6 resin/rpi-node:6',
    'resin/amd64-node:6',
  ],
  [
    'lsiobase/xenial',
    'linux/amd64 -',
    'lsiobase/xenial.arm64:latest lsiobase/xenial.armhf:latest -',
    'lsiobase/xenial:latest',
  ],
  [
    'quay.io/prometheus/busybox-linux-amd64:glibc',
    'linux/amd64 -',
    'quay.io/prometheus/busybox-linux-arm64:glibc quay.io/prometheus/busybox-linux-armv7:glibc -',
    'quay.io/prometheus/busybox-linux-amd64:glibc',
  ],
  [
    'resin/amd64-alpine-node:0.10.44-slim',
    'linux/amd64 -',
    '- resin/armhf-alpine-node:0.10.44-slim resin/armhf-alpine-node:0.10.44-slim',
    'resin/amd64-alpine-node:0.10.44-slim',
  ],
  [
    'resin/amd64-alpine:3.8',
    'linux/amd64 -',
    'resin/aarch64-alpine:3.8 resin/armv7hf-alpine:3.8 resin/rpi-alpine:3.8',
    'resin/amd64-alpine:3.8',
  ],
  [
    'ghcr.io/home-assistant/amd64-base-python:3.12-alpine3.21',
    'linux/amd64 -',
    'ghcr.io/home-assistant/aarch64-base-python:3.12-alpine3.21 ghcr.io/home-assistant/armv7-base-python:3.12-alpine3.21 ghcr.io/home-assistant/armhf-base-python:3.12-alpine3.21',
    'ghcr.io/home-assistant/amd64-base-python:3.12-alpine3.21',
  ],
  [
    'homeassistant/amd64-base:latest',
    'linux/amd64 -',
    'homeassistant/aarch64-base:latest - -',
    'homeassistant/amd64-base:latest',
  ],
  [
    'ghcr.io/hassio-addons/base/amd64:10.1.0',
    'linux/amd64 -',
    'ghcr.io/hassio-addons/base/aarch64:10.1.0 ghcr.io/hassio-addons/base/armv7:10.1.0 ghcr.io/hassio-addons/base/armhf:10.1.0',
    'ghcr.io/hassio-addons/base/amd64:10.1.0',
  ],
  [
    'ghcr.io/hassio-addons/base/amd64:20.1.1',
    'linux/amd64 -',
    'ghcr.io/hassio-addons/base/aarch64:20.1.1 - -',
    'ghcr.io/hassio-addons/base/amd64:20.1.1',
  ],
  [
    'multiarch/alpine:x86_64-edge',
    'linux/amd64 -',
    'multiarch/alpine:aarch64-edge multiarch/alpine:armhf-edge multiarch/alpine:armhf-edge',
    'multiarch/alpine:amd64-edge',
  ],
  [
    'multiarch/debian-debootstrap:amd64-stretch-slim',
    'linux/amd64 -',
    'multiarch/debian-debootstrap:arm64-stretch-slim multiarch/debian-debootstrap:armhf-stretch-slim -',
    'multiarch/debian-debootstrap:amd64-stretch-slim',
  ],
  [
    'plugins/base:linux-amd64',
    'linux/amd64 -',
    'plugins/base:linux-arm64 plugins/base:linux-arm -',
    'plugins/base:linux-amd64',
  ],
  [
    'portainer/portainer:linux-amd64-1.24.1',
    'linux/amd64 -',
    'portainer/portainer:linux-arm64-1.24.1 portainer/portainer:linux-arm-1.24.1 -',
    'portainer/portainer:linux-amd64-1.24.1',
  ],
  [
    'gitlab/gitlab-runner-helper:alpine3.21-x86_64-v17.11.3',
    'linux/amd64 -',
    'gitlab/gitlab-runner-helper:alpine3.21-arm64-v17.11.3 gitlab/gitlab-runner-helper:alpine3.21-arm-v17.11.3 -',
    'gitlab/gitlab-runner-helper:alpine3.21-x86_64-v17.11.3',
  ],
  [
    'k8s.gcr.io/build-image/debian-base-amd64:v2.1.3',
    'linux/amd64 -',
    'k8s.gcr.io/build-image/debian-base-arm64:v2.1.3 k8s.gcr.io/build-image/debian-base-arm:v2.1.3 -',
    'k8s.gcr.io/build-image/debian-base-amd64:v2.1.3',
  ],
  [
    'adoptopenjdk/openjdk11:x86_64-ubuntu-jre-11.0.8_10',
    'linux/amd64 -',
    'adoptopenjdk/openjdk11:aarch64-ubuntu-jre-11.0.8_10 adoptopenjdk/openjdk11:armv7l-ubuntu-jre-11.0.8_10 -',
    'adoptopenjdk/openjdk11:x86_64-ubuntu-jre-11.0.8_10',
  ],
];

/** Names that say nothing, or whose vendor is not known. */
const unknown: readonly string[] = [
  'ubuntu:22.04',
  'someone/thing:1-amd64',
  'mcr.microsoft.com/dotnet/aspnet:8.0',
  'mcr.microsoft.com/dotnet/core/sdk:3.1',
  'mcr.microsoft.com/dotnet/sdk:8.0-nanoserver-ltsc2022-amd64',
  'multiarch/qemu-user-static:x86_64-aarch64',
  'balenalib/raspberrypi3-debian',
  'balenalib/intel-nuc-debian',
  'adoptopenjdk/openjdk11:alpine-jre',
  'plugins/docker:windows-ltsc2022-amd64',
  'gcr.io/distroless/static:nonroot',
  'notghcr.io/linuxserver/baseimage-alpine:3.17',
  `ghcr.io/linuxserver/baseimage-alpine:3.17@sha256:${'0'.repeat(64)}`,
];

describe("vendors' names of images", () => {
  for (const [name, says, arm, amd64] of rows) {
    it(name, () => {
      const image = readVendorImage(parseReference(name));
      const nameFor = (platform: string): string => {
        const found = image?.nameFor(parsePlatform(platform));
        return found ? familiarReference(found) : '-';
      };
      const index = image?.index ? familiarReference(image.index) : '-';
      expect(`${image?.platform ?? '-'} ${index}`).to.equal(says);
      expect(['linux/arm64', 'linux/arm/v7', 'linux/arm/v6'].map(nameFor).join(' ')).to.equal(arm);
      expect(nameFor('linux/amd64')).to.equal(amd64);
    });
  }

  for (const name of unknown) {
    it(`leaves ${name}`, () => {
      expect(readVendorImage(parseReference(name))).to.equal(undefined);
    });
  }
});
