import { expect } from 'chai';
import {
  type AssetMatch,
  matchAsset,
  matchAssetName,
} from '../../../packages/core/src/knowledge/download-assets.ts';

const platforms = ['linux/arm64', 'linux/arm/v7', 'linux/arm/v6'];

/** A text for a platform; `-`: certainly absent, `?`: nobody verified. */
function on(text: string, match: AssetMatch, platform: string): string {
  if (match.absent.some((absent) => absent.platform === platform)) return '-';
  if (match.unverified.includes(platform)) return '?';
  let result = text;
  for (const { start, end, texts } of [...match.spans].reverse()) {
    expect(texts).to.have.property(platform);
    result = result.slice(0, start) + texts[platform] + result.slice(end);
  }
  return result;
}

/** Each column is the end of the address on linux/arm64, linux/arm/v7 and linux/arm/v6, after its last slash. */
const rows: readonly (readonly [string, string, string, string])[] = [
  // Inits
  ['github.com/tianon/gosu/releases/download/1.17/gosu-amd64', 'gosu-arm64', 'gosu-armhf', 'gosu-armel'],
  ['github.com/krallin/tini/releases/download/v0.19.0/tini-amd64', 'tini-arm64', 'tini-armhf', 'tini-armel'],
  ['github.com/krallin/tini/releases/download/v0.19.0/tini', 'tini-arm64', 'tini-armhf', 'tini-armel'],
  [
    'github.com/krallin/tini/releases/download/v0.19.0/tini-static',
    'tini-static-arm64',
    'tini-static-armhf',
    'tini-static-armel',
  ],
  ['github.com/Yelp/dumb-init/releases/download/v1.2.2/dumb-init_1.2.2_amd64', '-', '-', '-'],
  [
    'github.com/Yelp/dumb-init/releases/download/v1.2.5/dumb-init_1.2.5_x86_64',
    'dumb-init_1.2.5_aarch64',
    '-',
    '-',
  ],
  [
    'github.com/just-containers/s6-overlay/releases/download/v1.22.1.0/s6-overlay-amd64.tar.gz',
    's6-overlay-aarch64.tar.gz',
    's6-overlay-armhf.tar.gz',
    's6-overlay-armhf.tar.gz',
  ],
  [
    'github.com/just-containers/s6-overlay/releases/download/v3.1.5.0/s6-overlay-x86_64.tar.xz',
    's6-overlay-aarch64.tar.xz',
    's6-overlay-arm.tar.xz',
    's6-overlay-armhf.tar.xz',
  ],
  [
    'github.com/just-containers/s6-overlay/releases/download/v2.2.0.3/s6-overlay-amd64-installer',
    's6-overlay-aarch64-installer',
    's6-overlay-armhf-installer',
    's6-overlay-armhf-installer',
  ],
  // A release's tag with a slash
  [
    'github.com/kubernetes-sigs/kustomize/releases/download/kustomize/v3.8.6/kustomize_v3.8.6_linux_amd64.tar.gz',
    'kustomize_v3.8.6_linux_arm64.tar.gz',
    '?',
    '?',
  ],
  // Languages
  [
    'dl.google.com/go/go1.22.5.linux-amd64.tar.gz',
    'go1.22.5.linux-arm64.tar.gz',
    'go1.22.5.linux-armv6l.tar.gz',
    'go1.22.5.linux-armv6l.tar.gz',
  ],
  ['golang.org/dl/go1.7.linux-amd64.tar.gz', '-', 'go1.7.linux-armv6l.tar.gz', 'go1.7.linux-armv6l.tar.gz'],
  [
    'storage.googleapis.com/golang/go1.8.linux-amd64.tar.gz',
    'go1.8.linux-arm64.tar.gz',
    'go1.8.linux-armv6l.tar.gz',
    'go1.8.linux-armv6l.tar.gz',
  ],
  [
    'nodejs.org/dist/v11.0.0/node-v11.0.0-linux-x64.tar.xz',
    'node-v11.0.0-linux-arm64.tar.xz',
    'node-v11.0.0-linux-armv7l.tar.xz',
    'node-v11.0.0-linux-armv6l.tar.xz',
  ],
  [
    'nodejs.org/dist/v22.11.0/node-v22.11.0-linux-x64.tar.xz',
    'node-v22.11.0-linux-arm64.tar.xz',
    'node-v22.11.0-linux-armv7l.tar.xz',
    '-',
  ],
  ['nodejs.org/dist/v24.0.0/node-v24.0.0-linux-x64.tar.gz', 'node-v24.0.0-linux-arm64.tar.gz', '-', '-'],
  [
    'builds.dotnet.microsoft.com/dotnet/aspnetcore/Runtime/10.0.0/aspnetcore-runtime-10.0.0-linux-musl-x64.tar.gz',
    'aspnetcore-runtime-10.0.0-linux-musl-arm64.tar.gz',
    'aspnetcore-runtime-10.0.0-linux-musl-arm.tar.gz',
    '-',
  ],
  [
    'dotnetcli.azureedge.net/dotnet/Sdk/3.1.100/dotnet-sdk-3.1.100-linux-x64.tar.gz',
    'dotnet-sdk-3.1.100-linux-arm64.tar.gz',
    'dotnet-sdk-3.1.100-linux-arm.tar.gz',
    '-',
  ],
  [
    'pwshtool.blob.core.windows.net/tool/7.2.1/PowerShell.Linux.x64.7.2.1.nupkg',
    'PowerShell.Linux.arm64.7.2.1.nupkg',
    'PowerShell.Linux.arm32.7.2.1.nupkg',
    '-',
  ],
  [
    'download.java.net/java/GA/jdk21/fd2272bbf8e04c3dbaee13770090416c/35/GPL/openjdk-21_linux-x64_bin.tar.gz',
    'openjdk-21_linux-aarch64_bin.tar.gz',
    '-',
    '-',
  ],
  ['download.java.net/java/GA/jdk11/9/GPL/openjdk-11.0.2_linux-x64_bin.tar.gz', '-', '-', '-'],
  [
    'github.com/adoptium/temurin17-binaries/releases/download/jdk-17.0.8%2B7/OpenJDK17U-jdk_x64_linux_hotspot_17.0.8_7.tar.gz',
    'OpenJDK17U-jdk_aarch64_linux_hotspot_17.0.8_7.tar.gz',
    'OpenJDK17U-jdk_arm_linux_hotspot_17.0.8_7.tar.gz',
    '-',
  ],
  [
    'downloads.python.org/pypy/pypy3.10-v7.3.17-linux64.tar.bz2',
    'pypy3.10-v7.3.17-aarch64.tar.bz2',
    '-',
    '-',
  ],
  [
    'bitbucket.org/pypy/pypy/downloads/pypy-2.6.1-linux64.tar.bz2',
    '-',
    'pypy-2.6.1-linux-armhf-raring.tar.bz2',
    'pypy-2.6.1-linux-armhf-raspbian.tar.bz2',
  ],
  [
    'julialang-s3.julialang.org/bin/linux/x64/1.4/julia-1.4.2-linux-x86_64.tar.gz',
    'julia-1.4.2-linux-aarch64.tar.gz',
    'julia-1.4.2-linux-armv7l.tar.gz',
    '-',
  ],
  [
    'repo.anaconda.com/miniconda/Miniconda3-latest-Linux-x86_64.sh',
    'Miniconda3-latest-Linux-aarch64.sh',
    '-',
    '-',
  ],
  ['repo.anaconda.com/miniconda/Miniconda3-4.5.11-Linux-x86_64.sh', '-', '-', '-'],
  [
    'repo.anaconda.com/miniconda/Miniconda3-py39_4.9.2-Linux-x86_64.sh',
    'Miniconda3-py39_4.9.2-Linux-aarch64.sh',
    '-',
    '-',
  ],
  [
    'github.com/conda-forge/miniforge/releases/latest/download/Miniforge3-Linux-x86_64.sh',
    'Miniforge3-Linux-aarch64.sh',
    '-',
    '-',
  ],
  [
    'github.com/astral-sh/uv/releases/download/0.5.1/uv-x86_64-unknown-linux-gnu.tar.gz',
    'uv-aarch64-unknown-linux-gnu.tar.gz',
    'uv-armv7-unknown-linux-gnueabihf.tar.gz',
    'uv-arm-unknown-linux-musleabihf.tar.gz',
  ],
  ['github.com/denoland/deno/releases/download/v1.30.0/deno-x86_64-unknown-linux-gnu.zip', '-', '-', '-'],
  [
    'github.com/denoland/deno/releases/latest/download/deno-x86_64-unknown-linux-gnu.zip',
    'deno-aarch64-unknown-linux-gnu.zip',
    '-',
    '-',
  ],
  [
    'github.com/oven-sh/bun/releases/download/bun-v1.1.0/bun-linux-x64.zip',
    'bun-linux-aarch64.zip',
    '-',
    '-',
  ],
  ['ziglang.org/download/0.11.0/zig-linux-x86_64-0.11.0.tar.xz', 'zig-linux-aarch64-0.11.0.tar.xz', '?', '-'],
  // Containers
  [
    'download.docker.com/linux/static/stable/x86_64/docker-20.10.9.tgz',
    'docker-20.10.9.tgz',
    'docker-20.10.9.tgz',
    'docker-20.10.9.tgz',
  ],
  [
    'github.com/docker/compose/releases/download/v2.0.0/docker-compose-linux-amd64',
    'docker-compose-linux-arm64',
    'docker-compose-linux-armv7',
    'docker-compose-linux-armv6',
  ],
  [
    'github.com/docker/compose/releases/download/v2.20.0/docker-compose-linux-x86_64',
    'docker-compose-linux-aarch64',
    'docker-compose-linux-armv7',
    'docker-compose-linux-armv6',
  ],
  ['github.com/docker/compose/releases/download/1.29.2/docker-compose-Linux-x86_64', '-', '-', '-'],
  [
    'github.com/docker/buildx/releases/download/v0.12.0/buildx-v0.12.0.linux-amd64',
    'buildx-v0.12.0.linux-arm64',
    'buildx-v0.12.0.linux-arm-v7',
    'buildx-v0.12.0.linux-arm-v6',
  ],
  [
    'github.com/containerd/containerd/releases/download/v1.7.0/containerd-1.7.0-linux-amd64.tar.gz',
    'containerd-1.7.0-linux-arm64.tar.gz',
    '-',
    '-',
  ],
  [
    'github.com/wagoodman/dive/releases/download/v0.12.0/dive_0.12.0_linux_amd64.deb',
    'dive_0.12.0_linux_arm64.deb',
    '-',
    '-',
  ],
  ['github.com/hadolint/hadolint/releases/download/v2.8.0/hadolint-Linux-x86_64', '-', '-', '-'],
  [
    'github.com/hadolint/hadolint/releases/download/v2.12.0/hadolint-Linux-x86_64',
    'hadolint-Linux-arm64',
    '-',
    '-',
  ],
  // Clusters
  ['dl.k8s.io/release/v1.30.0/bin/linux/amd64/kubectl', 'kubectl', 'kubectl', '?'],
  [
    'get.helm.sh/helm-v3.15.2-linux-amd64.tar.gz',
    'helm-v3.15.2-linux-arm64.tar.gz',
    'helm-v3.15.2-linux-arm.tar.gz',
    '?',
  ],
  ['github.com/k3s-io/k3s/releases/download/v1.30.0%2Bk3s1/k3s', 'k3s-arm64', 'k3s-armhf', '-'],
  [
    'github.com/openfaas/faas/releases/download/0.18.10/fwatchdog',
    'fwatchdog-arm64',
    'fwatchdog-armhf',
    'fwatchdog-armhf',
  ],
  ['github.com/argoproj/argo-cd/releases/download/v2.2.0/argocd-linux-amd64', '-', '-', '-'],
  [
    'github.com/etcd-io/etcd/releases/download/v3.5.9/etcd-v3.5.9-linux-amd64.tar.gz',
    'etcd-v3.5.9-linux-arm64.tar.gz',
    '-',
    '-',
  ],
  // Clouds
  [
    'releases.hashicorp.com/terraform/1.5.0/terraform_1.5.0_linux_amd64.zip',
    'terraform_1.5.0_linux_arm64.zip',
    'terraform_1.5.0_linux_arm.zip',
    '?',
  ],
  [
    'releases.hashicorp.com/vault/1.13.0/vault_1.13.0_linux_amd64.zip',
    'vault_1.13.0_linux_arm64.zip',
    'vault_1.13.0_linux_arm.zip',
    '?',
  ],
  [
    'awscli.amazonaws.com/awscli-exe-linux-x86_64-2.15.0.zip',
    'awscli-exe-linux-aarch64-2.15.0.zip',
    '-',
    '-',
  ],
  [
    's3.amazonaws.com/session-manager-downloads/plugin/latest/ubuntu_64bit/session-manager-plugin.deb',
    'session-manager-plugin.deb',
    '-',
    '-',
  ],
  [
    'dl.google.com/dl/cloudsdk/channels/rapid/downloads/google-cloud-sdk-400.0.0-linux-x86_64.tar.gz',
    'google-cloud-sdk-400.0.0-linux-arm.tar.gz',
    '-',
    '-',
  ],
  ['dl.min.io/server/minio/release/linux-amd64/minio', 'minio', 'minio', 'minio'],
  // Monitoring
  [
    'github.com/prometheus/node_exporter/releases/download/v1.6.0/node_exporter-1.6.0.linux-amd64.tar.gz',
    'node_exporter-1.6.0.linux-arm64.tar.gz',
    'node_exporter-1.6.0.linux-armv7.tar.gz',
    'node_exporter-1.6.0.linux-armv6.tar.gz',
  ],
  [
    'dl.influxdata.com/telegraf/releases/telegraf_1.20.0-1_amd64.deb',
    'telegraf_1.20.0-1_arm64.deb',
    'telegraf_1.20.0-1_armhf.deb',
    'telegraf_1.20.0-1_armel.deb',
  ],
  [
    'artifacts.elastic.co/downloads/beats/filebeat/filebeat-8.1.0-linux-x86_64.tar.gz',
    'filebeat-8.1.0-linux-arm64.tar.gz',
    '-',
    '-',
  ],
  [
    'artifacts.elastic.co/downloads/elasticsearch/elasticsearch-8.1.0-linux-x86_64.tar.gz',
    'elasticsearch-8.1.0-linux-aarch64.tar.gz',
    '-',
    '-',
  ],
  // Network
  [
    'github.com/fatedier/frp/releases/download/v0.37.0/frp_0.37.0_linux_amd64.tar.gz',
    'frp_0.37.0_linux_arm64.tar.gz',
    'frp_0.37.0_linux_arm.tar.gz',
    'frp_0.37.0_linux_arm.tar.gz',
  ],
  [
    'github.com/v2fly/v2ray-core/releases/download/v5.1.0/v2ray-linux-64.zip',
    'v2ray-linux-arm64-v8a.zip',
    'v2ray-linux-arm32-v7a.zip',
    'v2ray-linux-arm32-v6.zip',
  ],
  [
    'github.com/filebrowser/filebrowser/releases/download/v2.23.0/linux-amd64-filebrowser.tar.gz',
    'linux-arm64-filebrowser.tar.gz',
    'linux-armv7-filebrowser.tar.gz',
    'linux-armv6-filebrowser.tar.gz',
  ],
  [
    'dist.ipfs.tech/kubo/v0.33.2/kubo_v0.33.2_linux-amd64.tar.gz',
    'kubo_v0.33.2_linux-arm64.tar.gz',
    'kubo_v0.33.2_linux-arm.tar.gz',
    'kubo_v0.33.2_linux-arm.tar.gz',
  ],
  [
    'dist.ipfs.tech/kubo/v0.34.0/kubo_v0.34.0_linux-amd64.tar.gz',
    'kubo_v0.34.0_linux-arm64.tar.gz',
    '-',
    '-',
  ],
  [
    'caddyserver.com/api/download?os=linux&arch=amd64&p=github.com/a/b',
    'download?os=linux&arch=arm64&p=github.com/a/b',
    'download?os=linux&arch=arm&arm=7&p=github.com/a/b',
    'download?os=linux&arch=arm&arm=6&p=github.com/a/b',
  ],
  // Media
  [
    'johnvansickle.com/ffmpeg/releases/ffmpeg-release-amd64-static.tar.xz',
    'ffmpeg-release-arm64-static.tar.xz',
    'ffmpeg-release-armhf-static.tar.xz',
    'ffmpeg-release-armel-static.tar.xz',
  ],
  [
    'radarr.servarr.com/v1/update/master/updatefile?version=4.3.2&os=linuxmusl&runtime=netcore&arch=x64',
    'updatefile?version=4.3.2&os=linuxmusl&runtime=netcore&arch=arm64',
    'updatefile?version=4.3.2&os=linuxmusl&runtime=netcore&arch=arm',
    '-',
  ],
  [
    'github.com/pgaskin/kepubify/releases/download/v4.0.4/kepubify-linux-64bit',
    'kepubify-linux-arm64',
    'kepubify-linux-arm',
    'kepubify-linux-armv6',
  ],
  [
    'install.speedtest.net/app/cli/ookla-speedtest-1.2.0-linux-x86_64.tgz',
    'ookla-speedtest-1.2.0-linux-aarch64.tgz',
    'ookla-speedtest-1.2.0-linux-armhf.tgz',
    'ookla-speedtest-1.2.0-linux-armhf.tgz',
  ],
  // Coins
  [
    'bitcoincore.org/bin/bitcoin-core-25.0/bitcoin-25.0-x86_64-linux-gnu.tar.gz',
    'bitcoin-25.0-aarch64-linux-gnu.tar.gz',
    'bitcoin-25.0-arm-linux-gnueabihf.tar.gz',
    '-',
  ],
  [
    'github.com/dashpay/dash/releases/download/v20.0.0/dashcore-20.0.0-x86_64-linux-gnu.tar.gz',
    'dashcore-20.0.0-aarch64-linux-gnu.tar.gz',
    'dashcore-20.0.0-arm-linux-gnueabihf.tar.gz',
    '-',
  ],
  [
    'download.litecoin.org/litecoin-0.21.2/linux/litecoin-0.21.2-x86_64-linux-gnu.tar.gz',
    'litecoin-0.21.2-aarch64-linux-gnu.tar.gz',
    'litecoin-0.21.2-arm-linux-gnueabihf.tar.gz',
    '-',
  ],
  [
    'github.com/lightningnetwork/lnd/releases/download/v0.17.0-beta/lnd-linux-amd64-v0.17.0-beta.tar.gz',
    'lnd-linux-arm64-v0.17.0-beta.tar.gz',
    'lnd-linux-armv7-v0.17.0-beta.tar.gz',
    'lnd-linux-armv6-v0.17.0-beta.tar.gz',
  ],
  // Builds
  [
    'github.com/actions/runner/releases/download/v2.300.0/actions-runner-linux-x64-2.300.0.tar.gz',
    'actions-runner-linux-arm64-2.300.0.tar.gz',
    'actions-runner-linux-arm-2.300.0.tar.gz',
    '-',
  ],
  ['github.com/Kitware/CMake/releases/download/v3.18.4/cmake-3.18.4-Linux-x86_64.sh', '-', '-', '-'],
  [
    'github.com/Kitware/CMake/releases/download/v3.27.0/cmake-3.27.0-linux-x86_64.tar.gz',
    'cmake-3.27.0-linux-aarch64.tar.gz',
    '-',
    '-',
  ],
  [
    'github.com/protocolbuffers/protobuf/releases/download/v21.12/protoc-21.12-linux-x86_64.zip',
    'protoc-21.12-linux-aarch_64.zip',
    '-',
    '-',
  ],
  [
    'github.com/gohugoio/hugo/releases/download/v0.101.0/hugo_0.101.0_Linux-64bit.tar.gz',
    'hugo_0.101.0_Linux-ARM64.tar.gz',
    'hugo_0.101.0_Linux-ARM.tar.gz',
    '?',
  ],
  [
    'github.com/gohugoio/hugo/releases/download/v0.101.0/hugo_extended_0.101.0_Linux-64bit.tar.gz',
    '-',
    '-',
    '-',
  ],
  [
    'github.com/gohugoio/hugo/releases/download/v0.120.0/hugo_extended_0.120.0_linux-amd64.deb',
    'hugo_extended_0.120.0_linux-arm64.deb',
    '-',
    '-',
  ],
  // Commands
  ['github.com/stedolan/jq/releases/download/jq-1.6/jq-linux64', '-', '-', '-'],
  [
    'github.com/jqlang/jq/releases/download/jq-1.7.1/jq-linux-amd64',
    'jq-linux-arm64',
    'jq-linux-armhf',
    'jq-linux-armel',
  ],
  [
    'github.com/mikefarah/yq/releases/latest/download/yq_linux_amd64',
    'yq_linux_arm64',
    'yq_linux_arm',
    'yq_linux_arm',
  ],
  [
    'github.com/BurntSushi/ripgrep/releases/download/13.0.0/ripgrep-13.0.0-x86_64-unknown-linux-musl.tar.gz',
    '-',
    'ripgrep-13.0.0-arm-unknown-linux-gnueabihf.tar.gz',
    // Debian has no hard-float port for ARMv6, so a dynamic hard-float program need not run there.
    '?',
  ],
  [
    'downloads.rclone.org/v1.65.0/rclone-v1.65.0-linux-amd64.zip',
    'rclone-v1.65.0-linux-arm64.zip',
    'rclone-v1.65.0-linux-arm-v7.zip',
    'rclone-v1.65.0-linux-arm-v6.zip',
  ],
  // Browsers and distributions
  ['dl.google.com/linux/direct/google-chrome-stable_current_amd64.deb', '-', '-', '-'],
  [
    'github.com/mozilla/geckodriver/releases/download/v0.31.0/geckodriver-v0.31.0-linux64.tar.gz',
    '-',
    '-',
    '-',
  ],
  [
    'github.com/mozilla/geckodriver/releases/download/v0.33.0/geckodriver-v0.33.0-linux64.tar.gz',
    'geckodriver-v0.33.0-linux-aarch64.tar.gz',
    '-',
    '-',
  ],
  [
    'dl-cdn.alpinelinux.org/alpine/v3.20/releases/x86_64/alpine-minirootfs-3.20.0-x86_64.tar.gz',
    'alpine-minirootfs-3.20.0-aarch64.tar.gz',
    'alpine-minirootfs-3.20.0-armv7.tar.gz',
    'alpine-minirootfs-3.20.0-armhf.tar.gz',
  ],
  ['github.com/sgerrand/alpine-pkg-glibc/releases/download/2.35-r0/glibc-2.35-r0.apk', '-', '-', '-'],
  [
    'deb.debian.org/debian/pool/main/o/openssl/libssl1.1_1.1.1w-0+deb11u1_amd64.deb',
    'libssl1.1_1.1.1w-0+deb11u1_arm64.deb',
    'libssl1.1_1.1.1w-0+deb11u1_armhf.deb',
    '?',
  ],
];

describe('matchAsset', () => {
  for (const [address, ...expected] of rows) {
    it(address, () => {
      const url = `https://${address}`;
      const match = matchAsset(url) as AssetMatch;
      expect(match).not.to.equal(undefined);
      expect(
        platforms.map((platform) => on(url, match, platform).replace(/^.*\/(?=[^/]*$)/, '')),
      ).to.deep.equal(
        // The caddy row has a slash in its query.
        expected.map((text) => text.replace(/^.*\/(?=[^/]*$)/, '')),
      );
    });
  }

  it('replaces every span of an address', () => {
    const julia = 'https://julialang-s3.julialang.org/bin/linux/x64/1.10/julia-1.10.4-linux-x86_64.tar.gz';
    expect(on(julia, matchAsset(julia) as AssetMatch, 'linux/arm64')).to.equal(
      'https://julialang-s3.julialang.org/bin/linux/aarch64/1.10/julia-1.10.4-linux-aarch64.tar.gz',
    );
    const ubuntu =
      'http://security.ubuntu.com/ubuntu/pool/main/o/openssl/libssl1.1_1.1.1f-1ubuntu2_amd64.deb';
    expect(on(ubuntu, matchAsset(ubuntu) as AssetMatch, 'linux/arm/v7')).to.equal(
      'http://ports.ubuntu.com/ubuntu-ports/pool/main/o/openssl/libssl1.1_1.1.1f-1ubuntu2_armhf.deb',
    );
    const docker = 'https://download.docker.com/linux/static/stable/x86_64/docker-20.10.9.tgz';
    expect(on(docker, matchAsset(docker) as AssetMatch, 'linux/arm/v6')).to.equal(
      'https://download.docker.com/linux/static/stable/armel/docker-20.10.9.tgz',
    );
  });

  describe('a version that is not known', () => {
    const unresolved: readonly (readonly [string, string, string, string])[] = [
      [
        'https://github.com/tianon/gosu/releases/download/${GOSU_VERSION}/gosu-amd64',
        'gosu-arm64',
        'gosu-armhf',
        'gosu-armel',
      ],
      // Assets are gained, so an unknown version has what the newest has; what was lost since may be there or not.
      [
        'https://nodejs.org/dist/v${NODE_VERSION}/node-v${NODE_VERSION}-linux-x64.tar.xz',
        'node-v${NODE_VERSION}-linux-arm64.tar.xz',
        '?',
        '?',
      ],
      [
        'https://dl.google.com/go/go${V}.linux-amd64.tar.gz',
        'go${V}.linux-arm64.tar.gz',
        'go${V}.linux-armv6l.tar.gz',
        'go${V}.linux-armv6l.tar.gz',
      ],
      // The variable may hold the v that stands before a version.
      [
        'https://get.helm.sh/helm-${HELM_VERSION}-linux-amd64.tar.gz',
        'helm-${HELM_VERSION}-linux-arm64.tar.gz',
        'helm-${HELM_VERSION}-linux-arm.tar.gz',
        '?',
      ],
      // Other names in other versions are not chosen from.
      [
        'https://github.com/rclone/rclone/releases/download/v${V}/rclone-v${V}-linux-amd64.zip',
        'rclone-v${V}-linux-arm64.zip',
        '?',
        '?',
      ],
      // The name alone says which versions it can be.
      [
        'https://github.com/just-containers/s6-overlay/releases/download/v${V}/s6-overlay-amd64.tar.gz',
        's6-overlay-aarch64.tar.gz',
        's6-overlay-armhf.tar.gz',
        's6-overlay-armhf.tar.gz',
      ],
      [
        'https://github.com/Yelp/dumb-init/releases/download/v${V}/dumb-init_${V}_x86_64',
        'dumb-init_${V}_aarch64',
        '-',
        '-',
      ],
      ['${MIRROR}/${V}/tini-static-amd64', 'tini-static-arm64', 'tini-static-armhf', 'tini-static-armel'],
    ];
    for (const [url, ...expected] of unresolved) {
      it(url, () => {
        const match = matchAsset(url) as AssetMatch;
        expect(match.version).to.equal(undefined);
        expect(platforms.map((platform) => on(url, match, platform).replace(/^.*\//, ''))).to.deep.equal(
          expected,
        );
      });
    }
  });

  describe('a companion has the spans of its asset', () => {
    const asset = 'https://get.helm.sh/helm-v3.15.2-linux-amd64.tar.gz';
    for (const suffix of ['.sha256', '.sha256sum', '.sha512', '.asc', '.sig', '.sha256.asc']) {
      it(suffix, () => {
        const { spans, tool } = matchAsset(asset) as AssetMatch;
        expect(matchAsset(asset + suffix)).to.deep.include({ tool, spans });
      });
    }
  });

  it('says what lies inside the archive under another name', () => {
    expect(matchAsset('https://get.helm.sh/helm-v3.15.2-linux-amd64.tar.gz')?.innerNames).to.deep.equal([
      { text: 'linux-amd64', texts: { 'linux/arm64': 'linux-arm64', 'linux/arm/v7': 'linux-arm' } },
    ]);
  });

  it('says where the checksums are', () => {
    expect(
      matchAsset('https://nodejs.org/dist/v22.11.0/node-v22.11.0-linux-x64.tar.xz')?.checksums,
    ).to.deep.equal({
      algorithm: 'sha256',
      format: 'sums',
      url: 'https://nodejs.org/dist/v22.11.0/SHASUMS256.txt',
      urls: {
        'linux/arm64': 'https://nodejs.org/dist/v22.11.0/SHASUMS256.txt',
        'linux/arm/v7': 'https://nodejs.org/dist/v22.11.0/SHASUMS256.txt',
      },
    });
    expect(
      matchAsset('https://dl.k8s.io/release/v1.30.0/bin/linux/amd64/kubectl.sha256')?.checksums,
    ).to.deep.include({
      url: 'https://dl.k8s.io/release/v1.30.0/bin/linux/amd64/kubectl.sha256',
      urls: {
        'linux/arm64': 'https://dl.k8s.io/release/v1.30.0/bin/linux/arm64/kubectl.sha256',
        'linux/arm/v7': 'https://dl.k8s.io/release/v1.30.0/bin/linux/arm/kubectl.sha256',
      },
    });
    expect(
      matchAsset('https://releases.hashicorp.com/vault/1.13.0/vault_1.13.0_linux_amd64.zip')?.checksums?.url,
    ).to.equal('https://releases.hashicorp.com/vault/1.13.0/vault_1.13.0_SHA256SUMS');
    expect(matchAsset('https://dl.k8s.io/release/v${V}/bin/linux/amd64/kubectl')?.checksums).to.equal(
      undefined,
    );
  });

  it('says what to do where there is no asset', () => {
    const match = matchAsset(
      'https://github.com/Yelp/dumb-init/releases/download/v1.2.5/dumb-init_1.2.5_x86_64',
    );
    expect(
      match?.absent.map(({ platform, fallback }) => [platform, fallback?.apt, fallback?.apk]),
    ).to.deep.equal([
      ['linux/arm/v7', 'dumb-init', 'dumb-init'],
      ['linux/arm/v6', 'dumb-init', 'dumb-init'],
    ]);
  });

  it('takes a host and a repository in any case, and a user', () => {
    for (const url of [
      'https://GitHub.com/Tianon/GOSU/releases/download/1.17/gosu-amd64',
      'http://user:secret@github.com/tianon/gosu/releases/download/1.17/gosu-amd64',
    ])
      expect(matchAsset(url)?.tool).to.equal('gosu');
  });

  describe('knows nothing of', () => {
    for (const url of [
      '',
      'https://',
      'https://github.com',
      'https://github.com/tianon/gosu',
      'https://github.com/tianon/gosu/archive/refs/tags/1.17.tar.gz',
      'https://github.com/tianon/gosu/releases/download/1.17/gosu-arm64',
      'https://github.com/tianon/gosu/releases/download/1.17/gosu-${ARCH}',
      'https://github.com/tianon/gosu/releases/download/1.17/gosu-amd64x',
      'https://github.com/tianon/gosu/releases/download/1.17/SHA256SUMS',
      'https://github.com/someone/else/releases/download/1.17/gosu-amd64',
      'https://dl.google.com/go/go1.22.5.src.tar.gz',
      'https://dl.google.com/go/go1.22.5.windows-amd64.zip',
      'https://dl.google.com/go/go1.22.5.darwin-amd64.tar.gz',
      'https://nodejs.org/dist/v22.11.0/node-v22.11.0.tar.gz',
      'https://nodejs.org/dist/v22.11.0/node-v22.11.0-linux-x64/bin/node',
      'https://services.gradle.org/distributions/gradle-8.5-bin.zip',
      'https://repo1.maven.org/maven2/org/postgresql/postgresql/42.0.0/postgresql-42.0.0.jar',
      'https://binaries.sonarsource.com/Distribution/sonar-scanner-cli/sonar-scanner-cli-5.0.1.3006.zip',
      'https://artifacts.elastic.co/downloads/kibana/kibana-4.1.1.tar.gz',
      'https://github.com/just-containers/s6-overlay/releases/download/v3.1.5.0/s6-overlay-noarch.tar.xz',
      'https://deb.debian.org/debian/pool/main/c/ca-certificates/ca-certificates_20230311_all.deb',
      'https://evil.example/github.com/tianon/gosu/releases/download/1.17/gosu-amd64',
      'ftp://',
      'file:///gosu-amd64',
    ]) {
      it(JSON.stringify(url), () => {
        expect(matchAsset(url)).to.equal(undefined);
      });
    }
  });

  it('is not slowed by hostile input', () => {
    const long = '-linux-amd64'.repeat(20_000);
    for (const text of [
      `https://github.com/prometheus/prometheus/releases/download/${long}/prometheus-${long}`,
      `https://dl.google.com/go/go${'1.'.repeat(100_000)}linux-amd64.tar.gz`,
      `https://get.helm.sh/helm-v${'${V}'.repeat(50_000)}-linux-amd64.tar.gz!`,
      `https://${'a'.repeat(300_000)}`,
      `https://github.com/${'/'.repeat(300_000)}`,
      `https://caddyserver.com/api/download?${'arch=amd6&'.repeat(50_000)}`,
      '${'.repeat(100_000),
      `tini-amd64${'.asc'.repeat(100_000)}`,
    ]) {
      matchAsset(text);
      matchAssetName(text);
    }
  });
});

describe('matchAssetName', () => {
  const names: readonly (readonly [string, string | undefined])[] = [
    ['go1.22.5.linux-amd64.tar.gz', 'go1.22.5.linux-arm64.tar.gz'],
    ['/tmp/go1.22.5.linux-amd64.tar.gz.sha256', '/tmp/go1.22.5.linux-arm64.tar.gz.sha256'],
    [
      'https://mirror.example/x/node-v18.1.0-linux-x64.tar.xz?a=b',
      'https://mirror.example/x/node-v18.1.0-linux-arm64.tar.xz?a=b',
    ],
    ['bitcoin-0.17.0-x86_64-linux-gnu.tar.gz', 'bitcoin-0.17.0-aarch64-linux-gnu.tar.gz'],
    ['kubectl', undefined],
    ['tini', undefined],
    ['linux-amd64', undefined],
    ['foo-linux-amd64.tar.gz', undefined],
    ['', undefined],
  ];
  for (const [name, expected] of names) {
    it(JSON.stringify(name), () => {
      const match = matchAssetName(name);
      expect(match && on(name, match, 'linux/arm64')).to.equal(expected);
    });
  }
});
