import { expect } from 'chai';
import { distributionOf, distributionOfImage } from '../../../packages/core/src/analysis/distribution.ts';
import { parseDockerfile } from '../../../packages/core/src/index.ts';

const images: readonly (readonly [name: string, family: string | undefined, suite?: string])[] = [
  ['debian:bookworm-slim', 'debian', 'bookworm'],
  ['debian:11.6', 'debian', 'bullseye'],
  ['debian', 'debian'],
  ['arm32v7/debian:12', 'debian', 'bookworm'],
  ['ubuntu:22.04', 'ubuntu', 'jammy'],
  ['ubuntu:noble-20240101', 'ubuntu', 'noble'],
  ['ubuntu', 'ubuntu'],
  ['nvidia/cuda:12.2.0-base-ubuntu22.04', 'ubuntu', 'jammy'],
  ['phusion/baseimage:focal-1.2.0', 'ubuntu', 'focal'],
  ['buildpack-deps:jammy-scm', 'ubuntu', 'jammy'],
  ['node:20', 'debian'],
  ['python:3.12-slim-bullseye', 'debian', 'bullseye'],
  ['python:3.12-alpine3.19', 'alpine'],
  ['alpine:edge', 'alpine'],
  ['centos:7', 'rpm'],
  ['quay.io/fedora/fedora:40', 'rpm'],
  ['registry.access.redhat.com/ubi9/ubi-minimal', 'rpm'],
  ['amazonlinux:2', 'rpm'],
  ['busybox', undefined],
  ['example.org/node:20', undefined],
  ['openjdk:17', undefined],
];

describe('distributionOfImage', () => {
  for (const [name, family, suite] of images) {
    it(name, () => {
      expect(distributionOfImage(name)).to.deep.equal(family && { family, suite });
    });
  }
});

describe('distributionOf', () => {
  it('follows stages and ARGs', () => {
    const text = 'ARG V=12\nFROM debian:${V} AS a\nFROM a\nRUN true\nFROM scratch\n';
    const dockerfile = parseDockerfile(text);
    const found = dockerfile.stages.map((stage) => distributionOf(dockerfile, stage)?.suite);
    expect(found).to.deep.equal(['bookworm', 'bookworm', undefined]);
    const other = distributionOf(dockerfile, dockerfile.stages[1], { buildArgs: { V: '11' } });
    expect(other?.suite).to.equal('bullseye');
  });
});
