import { expect } from 'chai';
import { compareVersions } from '../../../packages/core/src/knowledge/compare-versions.ts';
import { downloadTools } from '../../../packages/core/src/knowledge/download-assets/index.ts';
import type { DownloadTool } from '../../../packages/core/src/knowledge/download-assets/tool.ts';
import { type AssetMatch, matchAsset } from '../../../packages/core/src/knowledge/download-assets.ts';
import { expandAlternatives } from '../../../packages/core/src/knowledge/download-assets-template.ts';
import { inRange, versionNumbers } from '../../../packages/core/src/knowledge/download-assets-versions.ts';
import { sharedDescribe, sharedJson } from '../../support/shared.ts';

const platforms = ['linux/arm64', 'linux/arm/v7', 'linux/arm/v6'];

function list(value: string | readonly string[] | undefined): readonly string[] {
  return value === undefined ? [] : typeof value === 'string' ? [value] : value;
}

function rowsOf({ arch }: DownloadTool): readonly (readonly [string, string])[] {
  return typeof arch === 'string' ? [['', arch]] : arch;
}

/** Every address of a tool, with a release's tag in place of GitHub's wildcard. */
function addressesOf(tool: DownloadTool): string[] {
  const releases = list(tool.github).flatMap((repository) =>
    list(tool.files).map((file) => `github.com/${repository}/releases/download/{v}/${file}`),
  );
  return [...releases, ...list(tool.urls)].flatMap(expandAlternatives);
}

/** A version inside a range. */
function versionIn(range: string): string {
  if (range === '') return '12.3.4';
  const [, operator = '', bound = ''] = /^(<=?|>=?|=)(\S+)/.exec(range) ?? [];
  if (operator.includes('=')) return bound;
  const numbers = bound.split('.').map(Number);
  const last = numbers.findLastIndex((number) => number > 0);
  numbers[last] = (numbers[last] ?? 1) - 1;
  return [...numbers, 99].join('.');
}

/** The texts on each ARM platform of the spans that differ, `-` for none and `?` for not verified. */
function textsOf(match: AssetMatch): string[] {
  return platforms.map((platform) => {
    if (match.absent.some((absent) => absent.platform === platform)) return '-';
    if (match.unverified.includes(platform)) return '?';
    return match.spans.map(({ texts }) => texts[platform]).join(' ');
  });
}

describe('the data of download assets', () => {
  for (const tool of downloadTools) {
    it(`${tool.tool}: ${[...list(tool.github), ...list(tool.urls), ...list(tool.names)][0]}`, () => {
      expect(tool.from, 'provenance').to.match(/\S/);
      for (const [range, names] of rowsOf(tool)) {
        expect(names.split(' '), names).to.have.length(4);
        expect(range, 'range').to.match(/^(?:(?:[<>]=?|=)[\d.]+(?: [<>]=?[\d.]+)?)?$/);
        for (const address of addressesOf(tool)) {
          expect(address, 'placeholders').not.to.match(/\{(?!v\}|\*\}|arch\}|arch2\})|\{[v*]\}\{[v*]\}/);
          const [first = '', second = ''] = (names.split(' ')[0] ?? '').split(',');
          const version = versionIn(range);
          const url = `https://${address
            .replaceAll('{v}', version)
            .replaceAll('{*}', 'some')
            .replaceAll('{arch}', first === '~' ? '' : first)
            .replaceAll('{arch2}', second)}`;
          const match = matchAsset(url);
          expect(match?.tool, url).to.equal(tool.tool);
        }
      }
    });
  }
});

describe('versions', () => {
  const compared: readonly (readonly [string, string, number])[] = [
    ['1.2.3', 'v1.2.3', 0],
    ['1.2', '1.2.0', 0],
    ['1.10', '1.9', 1],
    ['jq-1.6', '1.7', -1],
    ['2021.05', '2021.5', 0],
    ['latest', '99999', 1],
    ['kustomize/v3.8.6', '3.8.6', 0],
  ];
  for (const [a, b, sign] of compared) {
    it(`${a} and ${b}`, () => {
      expect(Math.sign(compareVersions(versionNumbers(a) ?? [], versionNumbers(b) ?? []))).to.equal(sign);
    });
  }

  it('no number in a variable or a word', () => {
    expect(versionNumbers('${VERSION}')).to.equal(undefined);
    expect(versionNumbers('v1.${MINOR}')).to.equal(undefined);
    expect(versionNumbers('canary')).to.equal(undefined);
  });

  it('ranges', () => {
    expect(inRange([1, 2], '>=1 <2')).to.equal(true);
    expect(inRange([2], '>=1 <2')).to.equal(false);
    expect(inRange([2], '<=2')).to.equal(true);
    expect(inRange([2], '>2')).to.equal(false);
    expect(inRange([2], '=2')).to.equal(true);
  });
});

interface SharedAssets {
  readonly tools: readonly {
    readonly tool: string;
    readonly noarch?: boolean;
    readonly unverified?: readonly string[];
    readonly tokens: Readonly<Record<string, readonly { readonly token: string }[]>>;
  }[];
  readonly templatesSeen: readonly {
    readonly template: string;
    readonly tokens: Readonly<Record<string, unknown>>;
  }[];
}

/** One address of each tool of the collected facts. */
const examples: Readonly<Record<string, readonly string[]>> = {
  go: ['dl.google.com/go/go1.22.5.linux-amd64.tar.gz'],
  'node (nodejs.org)': ['nodejs.org/dist/v22.1.0/node-v22.1.0-linux-x64.tar.gz'],
  'node musl (unofficial)': [
    'unofficial-builds.nodejs.org/download/release/v22.1.0/node-v22.1.0-linux-x64-musl.tar.xz',
  ],
  dotnet: ['builds.dotnet.microsoft.com/dotnet/Sdk/8.0.1/dotnet-sdk-8.0.1-linux-x64.tar.gz'],
  gosu: ['github.com/tianon/gosu/releases/download/1.17/gosu-amd64'],
  tini: ['github.com/krallin/tini/releases/download/v0.19.0/tini-amd64'],
  'dumb-init': ['github.com/Yelp/dumb-init/releases/download/v1.2.5/dumb-init_1.2.5_x86_64'],
  's6-overlay v3': [
    'github.com/just-containers/s6-overlay/releases/download/v3.1.0.0/s6-overlay-x86_64.tar.xz',
  ],
  'docker CLI/engine static': ['download.docker.com/linux/static/stable/x86_64/docker-27.1.0.tgz'],
  'docker compose v2': ['github.com/docker/compose/releases/download/v2.20.0/docker-compose-linux-x86_64'],
  'docker buildx': ['github.com/docker/buildx/releases/download/v0.12.0/buildx-v0.12.0.linux-amd64'],
  buildkit: ['github.com/moby/buildkit/releases/download/v0.12.0/buildkit-v0.12.0.linux-amd64.tar.gz'],
  runc: ['github.com/opencontainers/runc/releases/download/v1.1.0/runc.amd64'],
  containerd: [
    'github.com/containerd/containerd/releases/download/v1.7.0/containerd-1.7.0-linux-amd64.tar.gz',
  ],
  kubectl: ['dl.k8s.io/release/v1.30.0/bin/linux/amd64/kubectl'],
  helm: ['get.helm.sh/helm-v3.1.0-linux-amd64.tar.gz'],
  minikube: ['storage.googleapis.com/minikube/releases/v1.30.0/minikube-linux-amd64'],
  'hashicorp (terraform, vault, consul, nomad, packer, terraform-ls, sentinel …)': [
    'releases.hashicorp.com/terraform/1.5.0/terraform_1.5.0_linux_amd64.zip',
    'releases.hashicorp.com/nomad/1.5.0/nomad_1.5.0_linux_amd64.zip',
    'releases.hashicorp.com/terraform-ls/0.31.0/terraform-ls_0.31.0_linux_amd64.zip',
    'releases.hashicorp.com/consul/1.15.0/consul_1.15.0_linux_amd64.zip',
  ],
  'awscli v2': ['awscli.amazonaws.com/awscli-exe-linux-x86_64.zip'],
  'miniconda/anaconda': [
    'repo.anaconda.com/miniconda/Miniconda3-latest-Linux-x86_64.sh',
    'repo.anaconda.com/archive/Anaconda3-2023.09-0-Linux-x86_64.sh',
  ],
  miniforge: [
    'github.com/conda-forge/miniforge/releases/download/24.3.0-0/Miniforge3-24.3.0-0-Linux-x86_64.sh',
  ],
  jq: ['github.com/jqlang/jq/releases/download/jq-1.7.1/jq-linux-amd64'],
  'yq (mikefarah)': ['github.com/mikefarah/yq/releases/latest/download/yq_linux_amd64'],
  hugo: [
    'github.com/gohugoio/hugo/releases/download/v0.120.0/hugo_0.120.0_linux-amd64.tar.gz',
    'github.com/gohugoio/hugo/releases/download/v0.88.1/hugo_0.88.1_Linux-64bit.tar.gz',
  ],
  protoc: ['github.com/protocolbuffers/protobuf/releases/download/v21.12/protoc-21.12-linux-x86_64.zip'],
  cmake: ['github.com/Kitware/CMake/releases/download/v3.27.0/cmake-3.27.0-linux-x86_64.sh'],
  'rustup-init': ['static.rust-lang.org/rustup/dist/x86_64-unknown-linux-gnu/rustup-init'],
  deno: ['github.com/denoland/deno/releases/download/v1.41.0/deno-x86_64-unknown-linux-gnu.zip'],
  bun: ['github.com/oven-sh/bun/releases/download/bun-v1.0.0/bun-linux-x64.zip'],
  'dart sdk': [
    'storage.googleapis.com/dart-archive/channels/stable/release/3.0.0/sdk/dartsdk-linux-x64-release.zip',
  ],
  'openjdk builds (java.net)': ['download.java.net/java/GA/jdk21/abc/35/GPL/openjdk-21_linux-x64_bin.tar.gz'],
  'adoptium/temurin': [
    'github.com/adoptium/temurin17-binaries/releases/download/jdk-17%2B35/OpenJDK17U-jdk_x64_linux_hotspot_17_35.tar.gz',
  ],
  'microsoft jdk': ['aka.ms/download-jdk/microsoft-jdk-17.0.1-linux-x64.tar.gz'],
  julia: ['julialang-s3.julialang.org/bin/linux/x64/1.10/julia-1.10.0-linux-x86_64.tar.gz'],
  pypy: ['downloads.python.org/pypy/pypy3.9-v7.3.9-linux64.tar.bz2'],
  'bitcoin-core style': ['bitcoincore.org/bin/bitcoin-core-25.0/bitcoin-25.0-x86_64-linux-gnu.tar.gz'],
  cosign: ['github.com/sigstore/cosign/releases/download/v2.0.0/cosign-linux-amd64'],
  'code-server': [
    'github.com/coder/code-server/releases/download/v4.20.0/code-server-4.20.0-linux-amd64.tar.gz',
  ],
  plex: ['downloads.plex.tv/plex-media-server-new/1.32.0/debian/plexmediaserver_1.32.0_amd64.deb'],
  'ookla speedtest': ['install.speedtest.net/app/cli/ookla-speedtest-1.2.0-linux-x86_64.tgz'],
  bazelisk: ['github.com/bazelbuild/bazelisk/releases/download/v1.18.0/bazelisk-linux-amd64'],
  'google-chrome': ['dl.google.com/linux/direct/google-chrome-stable_current_amd64.deb'],
  chromedriver: ['chromedriver.storage.googleapis.com/114.0.5735.90/chromedriver_linux64.zip'],
  wkhtmltopdf: [
    'github.com/wkhtmltopdf/packaging/releases/download/0.12.6-1/wkhtmltox_0.12.6-1.buster_amd64.deb',
  ],
  'alpine-pkg-glibc (sgerrand)': [
    'github.com/sgerrand/alpine-pkg-glibc/releases/download/2.35-r0/glibc-2.35-r0.apk',
  ],
  sops: ['github.com/getsops/sops/releases/download/v3.8.0/sops-v3.8.0.linux.amd64'],
  'gh cli': ['github.com/cli/cli/releases/download/v2.40.0/gh_2.40.0_linux_amd64.tar.gz'],
  'prometheus family': [
    'github.com/prometheus/alertmanager/releases/download/v0.26.0/alertmanager-0.26.0.linux-amd64.tar.gz',
  ],
  'filebeat/elastic': ['artifacts.elastic.co/downloads/beats/filebeat/filebeat-8.1.0-linux-x86_64.tar.gz'],
  geckodriver: [
    'github.com/mozilla/geckodriver/releases/download/v0.33.0/geckodriver-v0.33.0-linux64.tar.gz',
  ],
  phantomjs: ['bitbucket.org/ariya/phantomjs/downloads/phantomjs-2.1.1-linux-x86_64.tar.bz2'],
};

/** Where the data says something else than the collected facts, and why. */
const differences: Readonly<Record<string, string>> = {
  'buildkit linux/arm/v6': 'moby/buildkit builds linux/arm/v7 only',
};

/** Addresses that were seen and are not downloads of an x64 program. */
const notKnown: Readonly<Record<string, string>> = {
  'https://github.com/balena-io/qemu/releases/download/v{V}%2Bresin/qemu-{V}-{A}.tar.gz':
    'an emulator: the token is the architecture that is emulated',
};

sharedDescribe('the data and the collected facts', () => {
  const shared = sharedJson<SharedAssets>('data', 'download-assets.json');

  for (const { tool, tokens, noarch } of shared.tools) {
    it(tool, () => {
      if (noarch) return;
      expect(examples, tool).to.have.property(tool);
      for (const address of examples[tool] ?? []) {
        const match = matchAsset(`https://${address}`);
        expect(match, address).not.to.equal(undefined);
        for (const [i, key] of ['arm64', 'armv7', 'armv6'].entries()) {
          const known = (tokens[key] ?? []).map(({ token }) => token);
          const ours = textsOf(match as AssetMatch)[i] ?? '';
          // A difference in what nobody verified, or in a version that lacks it, is no contradiction.
          const agrees = ours === '?' || ours === '-' || ours.split(' ').some((text) => known.includes(text));
          if (`${tool} ${platforms[i]}` in differences) continue;
          expect(agrees, `${address} on ${platforms[i]}: ${ours}, known ${known.join(' ')}`).to.equal(true);
        }
      }
    });
  }

  for (const { template, tokens } of shared.templatesSeen) {
    it(template, () => {
      if (template in notKnown) return;
      const texts = new Set<string>();
      for (const amd64 of Object.keys(tokens).filter((token) =>
        /^(?:x86_64|amd64|x64|linux64|64bit)/.test(token),
      ))
        for (const version of [
          '27.1.0',
          '4.20.0',
          '2023.09',
          '1.22.4.linux',
          '1.22.4_linux',
          '1.22.4-linux',
          '27.1.0.tgz',
          '3.9-v7.3.9',
        ]) {
          const words = amd64.split('+');
          let next = 0;
          const url = template
            .replaceAll('{V}', version)
            .replaceAll('{H}', 'abcdef')
            .replaceAll('{A}', () => words[Math.min(next++, words.length - 1)] ?? '');
          for (const { texts: found } of matchAsset(url)?.spans ?? [])
            for (const text of Object.values(found)) texts.add(text);
        }
      const arm = Object.keys(tokens)
        .flatMap((token) => token.split('+'))
        .filter((token) => /arm|aarch/.test(token));
      for (const token of arm)
        expect(
          [...texts].some((text) => text === token || text.startsWith(`${token}-`)),
          `${token} of ${[...texts].join(' ')}`,
        ).to.equal(true);
    });
  }
});
