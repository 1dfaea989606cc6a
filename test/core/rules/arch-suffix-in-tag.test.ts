import { imageRuleTable } from '../../support/image-rules.ts';

imageRuleTable('arch-suffix-in-tag', {
  accepts: [
    'FROM plugins/docker:linux-arm64',
    'FROM multiarch/qemu-user-static:x86_64-aarch64 AS qemu',
    'FROM ghcr.io/blackdex/rust-musl:x86_64-musl-stable-1.97.1',
    'FROM dockcross/linux-x64',
    'FROM plugins/docker:windows-ltsc2022-amd64',
    'FROM amd64/debian:12',
    'FROM --platform=$BUILDPLATFORM a/b:1-amd64 AS b\nFROM scratch\nCOPY --from=b / /',
    'FROM a/amd64x:1',
    'FROM amd64.example.org/a/b:1',
  ],
  rejects: [
    {
      text: 'FROM mcr.microsoft.com/dotnet/aspnet:8.0-bookworm-slim-amd64',
      says: 'error auto',
      portable: 'FROM mcr.microsoft.com/dotnet/aspnet:8.0-bookworm-slim',
      perArch: {
        'linux/arm64':
          'FROM --platform=linux/arm64 mcr.microsoft.com/dotnet/aspnet:8.0-bookworm-slim-arm64v8',
        'linux/arm/v7':
          'FROM --platform=linux/arm/v7 mcr.microsoft.com/dotnet/aspnet:8.0-bookworm-slim-arm32v7',
      },
    },
    {
      text: 'FROM mcr.microsoft.com/dotnet/aspnet:8.0-bookworm-slim-amd64',
      platforms: 'linux/arm/v6',
      says: 'error none',
      hint: /none is known for linux\/arm\/v6/,
    },
    {
      text: 'FROM ghcr.io/linuxserver/baseimage-alpine:amd64-3.19',
      platforms: 'linux/arm64,linux/arm/v7',
      says: 'error none',
      hint: /there is one for linux\/arm64; none is known for linux\/arm\/v7/,
    },
    {
      text: 'FROM plugins/base:linux-amd64 AS x',
      says: 'error auto',
      portable: 'FROM plugins/base:linux-${TARGETARCH} AS x',
      perArch: {
        'linux/arm64': 'FROM --platform=linux/arm64 plugins/base:linux-arm64 AS x',
        'linux/arm/v7': 'FROM --platform=linux/arm/v7 plugins/base:linux-arm AS x',
      },
    },
    {
      text: 'from azureiotedge/azureiotedge-x:1.1-linux-amd64 as x\r\ncmd y\r\n',
      says: 'error auto',
      portable:
        'from azureiotedge/azureiotedge-x:1.1-linux-amd64 as x-amd64\r\nfrom azureiotedge/azureiotedge-x:1.1-linux-arm64v8 as x-arm64\r\nfrom azureiotedge/azureiotedge-x:1.1-linux-arm32v7 as x-armv7\r\nfrom x-${TARGETARCH}${TARGETVARIANT} as x\r\ncmd y\r\n',
    },
    {
      text: 'ARG I=k8s.gcr.io/pause-amd64:3.1\nFROM $I',
      says: 'error none',
      hint: /linux\/arm64: k8s\.gcr\.io\/pause-arm64:3\.1/,
      perArch: {
        'linux/arm/v7': 'ARG I=k8s.gcr.io/pause-arm:3.1\nFROM --platform=linux/arm/v7 $I',
      },
    },
    {
      text: 'FROM a/b:1.2-amd64',
      says: 'error suggest',
      hint: /a\/b:1\.2 may have/,
    },
    {
      text: 'FROM a/b:amd64-1.2',
      says: 'error auto',
      images: { 'a/b:1.2': 'linux/arm64 linux/arm/v7' },
      portable: 'FROM a/b:1.2',
    },
    {
      text: 'FROM a/b:1-x86_64-slim',
      says: 'error none',
      images: { 'a/b:1-slim': 'linux/amd64' },
      hint: /does not have/,
    },
    { text: 'FROM a/rocksdb-amd64:1', says: 'error none', hint: /a\/rocksdb:1 may have/ },
    {
      text: 'FROM a/rocksdb-amd64:1',
      says: 'error auto',
      images: { 'a/rocksdb:1': 'linux/arm64 linux/arm/v7' },
      portable: 'FROM a/rocksdb:1',
    },
    { text: 'FROM a/b:amd64', says: 'error none' },
    { text: 'FROM scratch\nCOPY --from=a/b:1-amd64 /a /b', says: 'error suggest' },
  ],
});
