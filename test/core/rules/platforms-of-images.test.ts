import { imageRuleTable } from '../../support/image-rules.ts';

imageRuleTable('base-image-lacks-platform', {
  accepts: [
    'FROM debian:12',
    { text: 'FROM ubuntu:14.04', platforms: 'linux/arm64,linux/arm/v7' },
    { text: 'FROM golang:1.10', platforms: 'linux/arm64,linux/arm/v7' },
    { text: 'FROM node:8-alpine', platforms: 'linux/arm64,linux/arm/v7,linux/arm/v6' },
    { text: 'FROM arm32v7/debian:12', platforms: 'linux/arm/v7' },
    { text: 'FROM aarch64/debian:jessie', platforms: 'linux/arm64' },
    { text: 'FROM golang:1.26.7-windowsservercore-ltsc2022', platforms: 'linux/arm64' },
    'FROM node:24 AS base-amd64\nFROM debian AS base-arm64\nFROM debian:12 AS base-armv7\nFROM base-$TARGETARCH$TARGETVARIANT',
  ],
  rejects: [
    {
      text: 'FROM alpine:3.6',
      platforms: 'linux/arm/v7',
      says: 'info none',
      hint: /ARMv6/,
      perArch: { 'linux/arm/v7': 'FROM --platform=linux/arm/v6 arm32v6/alpine:3.6' },
    },
    {
      text: 'FROM debian:13',
      platforms: 'linux/arm/v6',
      says: 'warning none',
      hint: /soft-float/,
      perArch: { 'linux/arm/v6': 'FROM --platform=linux/arm/v5 arm32v5/debian:13' },
    },
    {
      text: 'FROM --platform=linux/arm/v5 arm32v5/debian:13',
      platforms: 'linux/arm/v6',
      says: 'warning none',
      hint: /soft-float/,
      perArch: { 'linux/arm/v6': 'FROM --platform=linux/arm/v5 arm32v5/debian:13' },
    },
    {
      text: 'FROM debian:jessie',
      platforms: 'linux/arm64',
      says: 'error suggest',
      perArch: {
        'linux/arm64': 'FROM --platform=linux/arm64 debian:jessie',
        'linux/arm/v7': 'FROM --platform=linux/arm/v7 arm32v7/debian:jessie',
      },
    },
    {
      text: 'FROM node:7-alpine',
      says: 'error none',
      hint: /ended before September 2017/,
      perArch: { 'linux/arm/v7': 'FROM --platform=linux/arm/v7 node:7-alpine' },
    },
    {
      text: 'FROM arm32v7/openjdk:8-jre',
      platforms: 'linux/arm/v7',
      says: 'warning none',
      message: /no longer made/,
    },
    {
      text: 'FROM node:22-trixie',
      platforms: 'linux/arm/v7',
      says: 'error semi',
      portable: 'FROM node:22-bookworm',
      perArch: { 'linux/arm/v7': 'FROM --platform=linux/arm/v7 arm32v7/node:22-bookworm' },
    },
    {
      text: 'ARG TAG=3.1-bionic\nFROM mcr.microsoft.com/dotnet/runtime:${TAG}',
      says: 'error none',
      message: /runtime:3\.1-bionic is for linux\/amd64 only/,
      hint: /linux\/arm\/v7: mcr\.microsoft\.com\/dotnet\/runtime:3\.1-bionic-arm32v7/,
      perArch: {
        'linux/arm64':
          'ARG TAG=3.1-bionic-arm64v8\nFROM --platform=linux/arm64 mcr.microsoft.com/dotnet/runtime:${TAG}',
      },
    },
    {
      text: 'FROM mcr.microsoft.com/dotnet/core/runtime:2.1-alpine',
      says: 'error none',
      hint: /none for ARM/,
    },
    // A vendor that has given a platform up.
    {
      text: 'FROM ghcr.io/linuxserver/baseimage-ubuntu:focal',
      says: 'warning none',
      message: /no updates for linux\/arm\/v7.*2023/,
      hint: /baseimage-ubuntu:arm32v7-focal/,
    },
    {
      text: 'FROM lscr.io/linuxserver/swag',
      says: 'error none',
      message: /no image for linux\/arm\/v7.*2023/,
    },
    { text: 'FROM lscr.io/linuxserver/swag:1.2', platforms: 'linux/arm/v7', says: 'warning none' },
    {
      text: 'FROM a/b:1',
      images: { 'a/b:1': 'linux/amd64 linux/arm64' },
      says: 'error none',
      message: /no image for linux\/arm\/v7/,
    },
  ],
});

imageRuleTable('deprecated-arm-namespace', {
  accepts: ['FROM arm64v8/debian:12', 'FROM debian:12', 'FROM resin/amd64-debian'],
  rejects: [
    {
      text: 'FROM armhf/alpine:3.6',
      platforms: 'linux/arm/v6',
      says: 'warning semi',
      portable: 'FROM alpine:3.6',
      perArch: { 'linux/arm/v6': 'FROM --platform=linux/arm/v6 arm32v6/alpine:3.6' },
    },
    { text: 'FROM armhf/alpine:3.5', platforms: 'linux/arm/v6', says: 'warning none' },
    { text: 'FROM aarch64/debian:jessie', platforms: 'linux/arm64', says: 'warning none' },
    { text: 'FROM balenalib/armv7hf-debian', platforms: 'linux/arm/v7', says: 'info none' },
    {
      text: 'FROM balenalib/armv7hf-debian',
      platforms: 'linux/arm64',
      says: 'info none',
      hint: /linux\/arm64: balenalib\/aarch64-debian/,
      perArch: { 'linux/arm64': 'FROM --platform=linux/arm64 balenalib/aarch64-debian' },
    },
    { text: 'FROM resin/rpi-raspbian:jessie', platforms: 'linux/arm/v7', says: 'warning none' },
  ],
});

imageRuleTable('x86-namespace', {
  accepts: ['FROM debian:12', { text: 'FROM amd64/debian:12', platforms: 'linux/amd64' }],
  rejects: [
    {
      text: 'FROM amd64/node:8-slim AS a',
      says: 'error auto',
      portable: 'FROM node:8-slim AS a',
      perArch: { 'linux/arm/v7': 'FROM --platform=linux/arm/v7 arm32v7/node:8-slim AS a' },
    },
    {
      text: 'FROM balenalib/amd64-debian:buster\nRUN x\nFROM scratch\nCOPY --from=0 / /\n',
      says: 'error auto',
      portable:
        'FROM balenalib/amd64-debian:buster AS base-amd64\nFROM balenalib/aarch64-debian:buster AS base-arm64\nFROM balenalib/armv7hf-debian:buster AS base-armv7\nFROM base-${TARGETARCH}${TARGETVARIANT}\nRUN x\nFROM scratch\nCOPY --from=3 / /\n',
      perArch: {
        'linux/arm64':
          'FROM --platform=linux/arm64 balenalib/aarch64-debian:buster\nRUN x\nFROM scratch\nCOPY --from=0 / /\n',
      },
    },
    {
      text: 'FROM balenalib/amd64-debian:buster',
      platforms: 'linux/arm64',
      says: 'error auto',
      portable:
        'FROM balenalib/amd64-debian:buster AS base-amd64\nFROM balenalib/aarch64-debian:buster AS base-arm64\nFROM base-${TARGETARCH}',
    },
    {
      text: 'FROM balenalib/amd64-ubuntu AS base\nFROM resin/amd64-node:6 AS other\nFROM other\nCOPY --from=1 / /\n',
      says: 'error auto, error none',
      portable:
        'FROM balenalib/amd64-ubuntu AS base-amd64\nFROM balenalib/aarch64-ubuntu:latest AS base-arm64\nFROM balenalib/armv7hf-ubuntu:latest AS base-armv7\nFROM base-${TARGETARCH}${TARGETVARIANT} AS base\nFROM resin/amd64-node:6 AS other-amd64\nFROM resin/aarch64-node:6 AS other-arm64\nFROM resin/armv7hf-node:6 AS other-armv7\nFROM other-${TARGETARCH}${TARGETVARIANT} AS other\nFROM other\nCOPY --from=7 / /\n',
    },
    {
      text: 'FROM balenalib/amd64-fedora:26',
      platforms: 'linux/arm/v6',
      says: 'error none',
    },
    {
      text: 'ARG I=balenalib/amd64-debian:buster\nFROM $I\n',
      says: 'error none',
      hint: /linux\/arm\/v7: balenalib\/armv7hf-debian:buster/,
      perArch: {
        'linux/arm64': 'ARG I=balenalib/aarch64-debian:buster\nFROM --platform=linux/arm64 $I\n',
        'linux/arm/v6': 'ARG I=balenalib/rpi-debian:buster\nFROM --platform=linux/arm/v6 $I\n',
      },
    },
  ],
});

imageRuleTable('from-platform-constant-x86', {
  accepts: [
    'FROM --platform=$BUILDPLATFORM alpine AS b',
    'FROM --platform=$TARGETPLATFORM alpine',
    { text: 'FROM --platform=linux/arm64 alpine', platforms: 'linux/arm64' },
    { text: 'FROM --platform=linux/arm/v6 arm32v6/alpine', platforms: 'linux/arm/v7' },
    'FROM --platform=linux/arm64 alpine AS fetch-arm64\nFROM alpine',
  ],
  rejects: [
    {
      text: 'FROM --platform=linux/amd64 alpine:3.20 AS base',
      says: 'error auto',
      portable: 'FROM alpine:3.20 AS base',
      perArch: { 'linux/arm/v7': 'FROM --platform=linux/arm/v7 arm32v7/alpine:3.20 AS base' },
    },
    {
      text: 'FROM --platform=linux/arm/v7 alpine:3.20',
      platforms: 'linux/arm64',
      says: 'error auto',
      portable: 'FROM alpine:3.20',
    },
    {
      text: 'FROM --platform=linux/arm64 alpine:3.20',
      says: 'error auto',
      message: /is linux\/arm64/,
      portable: 'FROM alpine:3.20',
      perArch: { 'linux/arm64': 'FROM --platform=linux/arm64 arm64v8/alpine:3.20' },
    },
  ],
});

imageRuleTable('arm-namespace-wrong-target', {
  accepts: [
    'FROM debian:12',
    { text: 'FROM arm32v7/debian:12', platforms: 'linux/arm/v7' },
    { text: 'FROM arm32v6/alpine:3.6', platforms: 'linux/arm/v7' },
    { text: 'FROM plugins/base:linux-arm', platforms: 'linux/arm/v7' },
    { text: 'FROM ghcr.io/linuxserver/baseimage-alpine:arm64v8-3.19', platforms: 'linux/arm64' },
    'FROM arm64v8/debian:12 AS base-arm64\nFROM arm32v7/debian:12 AS base-armv7\nFROM base-$TARGETARCH$TARGETVARIANT',
  ],
  rejects: [
    {
      text: 'FROM arm64v8/debian:12',
      platforms: 'linux/arm/v7',
      says: 'error auto',
      portable: 'FROM debian:12',
      perArch: { 'linux/arm/v7': 'FROM --platform=linux/arm/v7 arm32v7/debian:12' },
    },
    {
      text: 'FROM arm32v6/alpine:3.20',
      platforms: 'linux/arm/v7',
      says: 'info auto',
      portable: 'FROM alpine:3.20',
      perArch: { 'linux/arm/v7': 'FROM --platform=linux/arm/v7 arm32v7/alpine:3.20' },
    },
    { text: 'FROM arm32v6/alpine:3.20', says: 'error auto', portable: 'FROM alpine:3.20' },
    {
      text: 'FROM ghcr.io/linuxserver/baseimage-alpine:arm64v8-3.17',
      platforms: 'linux/arm/v7',
      says: 'error auto',
      portable: 'FROM ghcr.io/linuxserver/baseimage-alpine:3.17',
      perArch: {
        'linux/arm/v7': 'FROM --platform=linux/arm/v7 ghcr.io/linuxserver/baseimage-alpine:arm32v7-3.17',
      },
    },
    {
      text: 'FROM ghcr.io/linuxserver/baseimage-alpine:arm64v8-3.19',
      platforms: 'linux/arm/v7',
      says: 'error none',
    },
    {
      text: 'FROM plugins/base:linux-arm64',
      platforms: 'linux/arm/v7',
      says: 'error none',
      hint: /linux\/arm\/v7: plugins\/base:linux-arm;/,
    },
  ],
});
