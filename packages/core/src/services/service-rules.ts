import type { Rule } from '../rules/rule.ts';

const pages: readonly Omit<Rule, 'check'>[] = [
  {
    name: 'compose-platform-x86',
    summary: 'A service of a compose file is fixed to x86.',
    page: {
      file: 'compose.yaml',
      why: 'platform: linux/amd64 pulls or builds the x86 image on every machine. On an ARM machine it runs in an emulator, slowly, or not at all.',
      bad: 'services:\n  db:\n    image: postgres:16\n    platform: linux/amd64',
      good: 'services:\n  db:\n    image: postgres:16',
      silent: ['When only x86 platforms are asked for.'],
    },
  },
  {
    name: 'compose-image-lacks-platform',
    summary: 'The image of a service has nothing for a platform.',
    page: {
      file: 'compose.yaml',
      why: 'The machine pulls the image of its own platform. When the image lacks that platform, the service does not start.',
      bad: 'services:\n  app:\n    image: node:24',
      good: 'services:\n  app:\n    image: node:22',
      silent: [
        'When the service has a build: its Dockerfile is checked instead.',
        'When nobody knows what the image has: it is in no table, and no registry is asked without --online.',
      ],
    },
  },
  {
    name: 'compose-build-lacks-platform',
    summary: "A service's build.platforms leaves a platform out.",
    page: {
      file: 'compose.yaml',
      why: 'docker compose build makes the platforms of the list and no others.',
      bad: 'services:\n  app:\n    build:\n      context: .\n      platforms: [linux/amd64]',
      good: 'services:\n  app:\n    build:\n      context: .\n      platforms: [linux/amd64, linux/arm64, linux/arm/v7]',
      silent: ['When there is no list: the build is then for the machine that it runs on.'],
    },
  },
  {
    name: 'bake-target-lacks-platform',
    summary: "A bake target's platforms leave a platform out.",
    page: {
      file: 'docker-bake.hcl',
      why: 'docker buildx bake makes the platforms of the target, its own or inherited, and no others.',
      bad: 'target "app" {\n  platforms = ["linux/amd64"]\n}',
      good: 'target "app" {\n  platforms = ["linux/amd64", "linux/arm64", "linux/arm/v7"]\n}',
      silent: ['When the target has no list: the build is then for the machine that it runs on.'],
    },
  },
  {
    name: 'bake-not-evaluated',
    summary: 'A bake target needs an expression that is not evaluated.',
    page: {
      file: 'docker-bake.hcl',
      why: 'Functions and conditions of HCL are not evaluated here, so that nothing is known of what the target builds, or for which platforms. docker buildx bake --print shows what it comes to.',
      bad: 'target "app" {\n  platforms = split(",", "linux/amd64,linux/arm64")\n}',
      good: 'target "app" {\n  platforms = ["linux/amd64", "linux/arm64", "linux/arm/v7"]\n}',
    },
  },
  {
    name: 'locked-package-lacks-platform',
    summary: 'A locked package has no build for a platform.',
    page: {
      file: 'requirements.txt',
      why: 'The version that is locked was never published for the platform, and there are no sources to compile: the installation stops there. Another version or another package often has it.',
      bad: 'tensorflow==2.4.1',
      good: 'tflite-runtime==2.14.0',
      silent: ['When a marker leaves the package out on ARM: platform_machine == "x86_64".'],
    },
  },
  {
    name: 'locked-package-compiles',
    summary: 'A locked package is compiled on a platform, because it has no build for it.',
    page: {
      file: 'requirements.txt',
      why: 'Without a build for the platform the package is compiled when it is installed: that takes a compiler and headers in the stage, and under emulation it may take hours.',
      bad: 'numpy==1.16.0',
      good: 'psutil==6.1.0',
      silent: ['When piwheels is named, which has builds for 32-bit ARM.'],
    },
  },
  {
    name: 'lockfile-lacks-platform',
    summary: 'A lock file leaves out what a package has for a platform.',
    page: {
      file: 'Gemfile.lock',
      why: 'The package has a build for the platform, but the lock file was written on x64 and leaves it out: a frozen installation fails there, or falls back to what is slower.',
      bad: 'GEM\n  specs:\n    nokogiri (1.16.5-x86_64-linux)\n\nPLATFORMS\n  x86_64-linux',
      good: 'GEM\n  specs:\n    nokogiri (1.16.5-aarch64-linux)\n    nokogiri (1.16.5-arm-linux)\n    nokogiri (1.16.5-x86_64-linux)\n\nPLATFORMS\n  aarch64-linux\n  arm-linux\n  x86_64-linux',
    },
  },
];

/** What is found in other files than Dockerfiles: names to ignore, to rate and to look up. */
export const serviceRules: readonly Rule[] = pages.map((page) => ({ ...page, check: async () => [] }));
