import { formatPlatform, parseReference } from '@mabuild/oci';
import { expect } from 'chai';
import { vendorIndexPlatforms } from '../../../packages/core/src/knowledge/vendor-indexes.ts';

const all = 'linux/amd64 linux/arm64 linux/arm/v7';
const rows: readonly (readonly [string, string | undefined])[] = [
  ['mcr.microsoft.com/dotnet/aspnet:8.0', all],
  ['mcr.microsoft.com/dotnet/sdk:8.0.100', all],
  ['mcr.microsoft.com/dotnet/runtime:9.0-bookworm-slim', all],
  ['mcr.microsoft.com/dotnet/runtime-deps:6.0-alpine3.18', all],
  ['mcr.microsoft.com/dotnet/sdk:8.0-azurelinux3.0', 'linux/amd64 linux/arm64'],
  ['mcr.microsoft.com/dotnet/core/runtime:3.1', all],
  ['mcr.microsoft.com/dotnet/core/runtime:2.2', 'linux/amd64 linux/arm/v7'],
  ['gcr.io/distroless/static:nonroot', all],
  ['gcr.io/distroless/static-debian12', all],
  ['gcr.io/distroless/java17-debian12:nonroot', 'linux/amd64 linux/arm64'],
  ['mcr.microsoft.com/dotnet/core/runtime:3.1-bionic', undefined],
  ['mcr.microsoft.com/dotnet/sdk:8.0-nanoserver-ltsc2022', undefined],
  ['mcr.microsoft.com/dotnet/sdk:8.0-jammy-aot', undefined],
  ['mcr.microsoft.com/dotnet/aspnet:4.8', undefined],
  ['gcr.io/distroless/static:nonroot-amd64', undefined],
  [`gcr.io/distroless/static:nonroot@sha256:${'0'.repeat(64)}`, undefined],
  ['distroless/static:nonroot', undefined],
];

describe("vendors' indexes", () => {
  for (const [name, expected] of rows)
    it(name, () => {
      const platforms = vendorIndexPlatforms(parseReference(name));
      expect(platforms?.map((platform) => formatPlatform(platform)).join(' ')).to.equal(expected);
    });
});
