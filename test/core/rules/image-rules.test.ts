import { imageRuleTable } from '../../support/image-rules.ts';

const digest = `@sha256:${'5'.repeat(64)}`;

imageRuleTable('qemu-static-copied', {
  accepts: [
    'FROM scratch\nCOPY qemu-arm-static /',
    'FROM debian:12\nRUN apt-get install -y qemu-user-static',
    'FROM debian:12\nCOPY qemu-arm-static /opt/emulators/',
    'FROM debian:12\nCOPY register.sh /\nCOPY qemu-arm-static /usr/bin/\nRUN cat /proc/sys/fs/binfmt_misc/status',
    'FROM debian:12\nCOPY qemu-img /usr/bin/',
    { text: 'FROM debian:12\nCOPY qemu-arm-static /usr/bin/', platforms: 'linux/amd64' },
  ],
  rejects: [
    {
      text: 'FROM debian:12\n# the emulator\nCOPY qemu-arm-static /usr/bin/\nRUN apt-get update\n',
      says: 'info auto',
      portable: 'FROM debian:12\n# the emulator\nRUN apt-get update\n',
      perArch: {
        'linux/arm/v7':
          'FROM --platform=linux/arm/v7 arm32v7/debian:12\n# the emulator\nRUN apt-get update\n',
      },
    },
    {
      text: 'FROM alpine:3.20\r\nADD ./bin/qemu-aarch64-static /usr/bin/qemu-aarch64-static\r\nCMD sh',
      says: 'info auto',
      portable: 'FROM alpine:3.20\r\nCMD sh',
    },
    {
      text: 'FROM alpine:3.20\nCOPY qemu-* /usr/bin/',
      platforms: 'linux/arm/v6',
      says: 'info auto',
      portable: 'FROM alpine:3.20',
    },
    {
      text: 'FROM debian:12 AS q\nRUN apt-get install -y qemu-user-static\nFROM debian:12\nCOPY --from=q /usr/bin/qemu-arm-static /usr/bin/\n',
      says: 'info auto',
      portable: 'FROM debian:12 AS q\nRUN apt-get install -y qemu-user-static\nFROM debian:12\n',
    },
    {
      text: 'FROM debian:12\nCOPY qemu-arm-static qemu-aarch64-static /usr/bin/\nCOPY qemu-${ARCH}-static /usr/bin\nRUN rm -f /usr/bin/qemu-arm-static\nSHELL ["/usr/bin/qemu-arm-static", "/bin/sh", "-c"]\nENTRYPOINT [ "qemu-arm-static", "/app" ]\n',
      says: 'info auto, info auto',
      portable: 'FROM debian:12\nSHELL ["/bin/sh", "-c"]\nENTRYPOINT [ "/app" ]\n',
    },
    {
      text: 'FROM debian:12\nCOPY qemu-arm-static /usr/bin/\nRUN apt-get update && rm /usr/bin/qemu-arm-static\n',
      says: 'info none',
      hint: /what else names the file/,
    },
    {
      text: 'FROM debian:12\nCOPY qemu-arm-static /usr/bin/\nENTRYPOINT ["/usr/bin/qemu-arm-static", "-strace", "/app"]\n',
      says: 'info none',
    },
    {
      text: 'FROM debian:12 AS a\nCOPY qemu-arm-static /usr/bin/\nFROM a\nRUN /usr/bin/qemu-arm-static /bin/true\n',
      says: 'info none',
    },
  ],
});

imageRuleTable('balena-cross-build-marker', {
  accepts: [
    'FROM balenalib/armv7hf-debian\nRUN ["cross-build-start"]',
    'FROM resin/rpi-raspbian AS a\nFROM a\nRUN [ "cross-build-end" ]',
    'ARG B\nFROM $B\nRUN ["cross-build-start"]',
    'FROM debian:12\nRUN echo cross-build-start',
  ],
  rejects: [
    {
      text: 'FROM alpine:3.20\nRUN [ "cross-build-start" ]\nRUN apk add curl\nRUN ["cross-build-end"]\n',
      says: 'info auto, info auto',
      portable: 'FROM alpine:3.20\nRUN apk add curl\n',
    },
  ],
});

imageRuleTable('windows-base', {
  accepts: ['FROM debian:12', 'FROM a/windowsill:1', 'FROM --platform=$BUILDPLATFORM alpine AS windows'],
  rejects: [
    { text: 'FROM mcr.microsoft.com/windows/nanoserver:ltsc2022', says: 'error none' },
    {
      text: 'FROM golang:1.22-windowsservercore AS a\nFROM golang:1.22-windowsservercore\n',
      says: 'error none',
    },
    { text: 'FROM plugins/docker:windows-ltsc2022-amd64', platforms: 'linux/arm64', says: 'error none' },
  ],
});

imageRuleTable('cuda-base', {
  accepts: [
    'FROM ubuntu:22.04',
    { text: 'FROM nvcr.io/nvidia/l4t-base:r32.7.1', platforms: 'linux/arm64' },
    { text: 'FROM nvidia/cuda:12.0.0-base-ubuntu22.04', platforms: 'linux/amd64' },
    {
      text: 'FROM nvidia/cuda:12.0.0-base-ubuntu22.04',
      platforms: 'linux/arm64',
      images: { 'nvidia/cuda:12.0.0-base-ubuntu22.04': 'linux/amd64 linux/arm64' },
    },
  ],
  rejects: [
    {
      text: 'FROM nvidia/cuda:11.8.0-base-ubuntu22.04',
      says: 'error none, warning none',
      message: /has no image for linux\/arm\/v7$/,
    },
    { text: 'FROM nvcr.io/nvidia/pytorch:23.01-py3', platforms: 'linux/arm64', says: 'warning none' },
    { text: 'FROM nvcr.io/nvidia/l4t-base:r32.7.1', platforms: 'linux/arm/v6', says: 'error none' },
  ],
});

imageRuleTable('digest-pinned-base', {
  accepts: [
    'FROM golang:1.23',
    {
      text: `FROM golang:1.23${digest}`,
      images: { [`golang${digest}`]: 'linux/amd64 linux/arm64 linux/arm/v7' },
    },
    { text: `FROM golang:1.23${digest}`, platforms: 'linux/amd64' },
    `FROM --platform=$BUILDPLATFORM golang:1.23${digest} AS b`,
  ],
  rejects: [
    {
      text: `FROM golang:1.23${digest}`,
      says: 'warning none',
      message: /golang:1\.23 is pinned by a digest/,
    },
    {
      text: `FROM golang:1.23${digest} AS b`,
      images: { [`golang${digest}`]: 'linux/amd64' },
      says: 'error semi',
      portable: 'FROM golang:1.23 AS b',
      perArch: { 'linux/arm/v7': 'FROM --platform=linux/arm/v7 arm32v7/golang:1.23 AS b' },
    },
    {
      text: `FROM golang${digest}`,
      images: { [`golang${digest}`]: 'linux/amd64' },
      says: 'error none',
      hint: /imagetools/,
    },
    { text: `FROM scratch\nCOPY --from=a/b${digest} /a /b`, says: 'warning none' },
  ],
});

imageRuleTable('third-party-base-unknown', {
  accepts: [
    'FROM debian:12',
    'FROM python:3.7.4-slim',
    'FROM scratch',
    'FROM arm64v8/debian:12',
    'FROM nvidia/cuda:11.8.0-base-ubuntu22.04',
    'FROM a/b:1-amd64',
    `FROM a/b${digest}`,
    'FROM mcr.microsoft.com/windows/nanoserver:ltsc2022',
    'FROM ghcr.io/linuxserver/baseimage-alpine:3.17',
    'FROM --platform=$BUILDPLATFORM a/b AS c',
    { text: 'FROM a/b', images: { 'a/b:latest': 'linux/amd64' } },
    { text: 'FROM a/b', platforms: 'linux/amd64' },
  ],
  rejects: [
    { text: 'FROM foo/bar:1', says: 'info none', message: /foo\/bar:1 has linux\/arm64, linux\/arm\/v7/ },
    {
      text: 'FROM foo/bar AS a\nFROM foo/bar\nCOPY --from=quay.io/x/y:1 / /\n',
      says: 'info none, info none',
    },
  ],
});

imageRuleTable('base-image-from-variable', {
  accepts: [
    'ARG BASE=debian:12\nFROM $BASE',
    'ARG V\nFROM debian:${V:-12}',
    'FROM --platform=$BUILDPLATFORM debian:12 AS a\nFROM base-$TARGETARCH',
  ],
  rejects: [
    { text: 'ARG BASE\nFROM ${BASE}', says: 'info none', hint: /--build-arg BASE=…/ },
    { text: 'ARG V\nFROM a/b:$V-slim', says: 'info none' },
    { text: 'FROM $REPO/$NAME:1', says: 'info none', message: /without REPO, NAME$/ },
  ],
});

imageRuleTable('end-of-life-base', {
  accepts: [
    'FROM centos:7',
    'FROM debian:12\nRUN apt-get update',
    'FROM ubuntu:16.04\nRUN apt-get update',
    'FROM debian:stretch\nRUN echo hello && pip install x',
    'FROM debian:stretch\nRUN echo "deb http://archive.debian.org/debian stretch main" > /etc/apt/sources.list\nRUN apt-get update',
    'FROM centos:7\nCOPY CentOS-Base.repo /etc/yum.repos.d/\nRUN yum install -y gcc',
    'FROM someone/debian:stretch\nRUN apt-get update',
    'FROM golang:1.7-alpine\nRUN apk add git',
    { text: 'FROM centos:7\nRUN yum install -y gcc', platforms: 'linux/amd64' },
  ],
  rejects: [
    {
      text: 'FROM centos:7\nRUN yum install -y gcc',
      says: 'warning suggest',
      message: /CentOS 7 ended on 2024-06-30/,
    },
    { text: 'FROM centos\nRUN dnf install -y gcc', platforms: 'linux/arm64', says: 'warning suggest' },
    {
      text: 'FROM python:3.6-slim-stretch\nRUN set -ex; apt-get update',
      says: 'warning suggest',
      message: /Debian 9 \(stretch\)/,
    },
    { text: 'FROM debian:8.11\nRUN apt-get update', says: 'warning suggest' },
    { text: 'FROM arm32v7/ubuntu:17.10\nRUN apt update', platforms: 'linux/arm/v7', says: 'warning suggest' },
    {
      text: 'FROM debian:buster AS a\nFROM a\nRUN apt-get update',
      says: 'warning suggest',
    },
  ],
});
