import { parsePlatformList } from '@mabuild/oci';
import { expect } from 'chai';
import type { DownloadFacts } from '../../../packages/core/src/analysis/download-facts.ts';
import { checkDockerfile } from '../../../packages/core/src/check.ts';
import { parseDockerfile } from '../../../packages/core/src/dockerfile/parse.ts';

const sums = (c: string): string => c.repeat(64);
const hashicorp = 'https://releases.hashicorp.com/vault/1.15.0';

/** A world in which these addresses answer. */
function world(documents: Readonly<Record<string, string>>): DownloadFacts {
  return {
    exists: async (url) => Object.hasOwn(documents, url),
    read: async (url) => documents[url],
  };
}

async function variations(text: string, downloads: DownloadFacts): Promise<readonly string[]> {
  const findings = await checkDockerfile(parseDockerfile(`FROM debian:13\n${text}\n`), {
    platforms: parsePlatformList('linux/arm64,linux/arm/v7'),
    downloads,
  });
  return findings.map(({ rule, fix, variations: found = [] }) => {
    const texts = found.map(({ text: from, texts }) => `${from.slice(0, 6)} ${JSON.stringify(texts)}`);
    return [rule, fix, ...texts].join(' | ');
  });
}

describe('rules that may ask', () => {
  it('write the names under which a publisher really has something', async () => {
    const facts = world({
      'https://example.org/t-linux-amd64': '',
      'https://example.org/t-linux-arm64': '',
      'https://example.org/t-linux-armv7': '',
    });
    expect(await variations('RUN curl -LO https://example.org/t-linux-amd64', facts)).to.deep.equal([
      'known-asset-x86-url | auto | amd64 {"linux/arm64":"arm64","linux/arm/v7":"armv7"}',
    ]);
  });

  it('leave a name alone when the x86 file does not answer either', async () => {
    const facts = world({ 'https://example.org/t-linux-arm64': '' });
    expect(await variations('RUN curl -LO https://example.org/t-linux-amd64', facts)).to.deep.equal([
      'known-asset-x86-url | none',
    ]);
  });

  const text = `RUN curl -LO ${hashicorp}/vault_1.15.0_linux_amd64.zip && echo "${sums('a')}  vault_1.15.0_linux_amd64.zip" | sha256sum -c`;

  it('write the checksums that a publisher lists', async () => {
    const list = ['amd64', 'arm64', 'arm'].map(
      (arch, i) => `${sums('abc'[i] as string)}  vault_1.15.0_linux_${arch}.zip`,
    );
    const found = await variations(
      text,
      world({ [`${hashicorp}/vault_1.15.0_SHA256SUMS`]: list.join('\n') }),
    );
    expect(found.find((line) => line.startsWith('checksum-tied-to-arch'))).to.equal(
      `checksum-tied-to-arch | auto | aaaaaa {"linux/arm64":"${sums('b')}","linux/arm/v7":"${sums('c')}"}`,
    );
  });

  it('trust no list that knows the x86 file by another checksum', async () => {
    const list = ['amd64', 'arm64', 'arm'].map((arch) => `${sums('f')}  vault_1.15.0_linux_${arch}.zip`);
    const found = await variations(
      text,
      world({ [`${hashicorp}/vault_1.15.0_SHA256SUMS`]: list.join('\n') }),
    );
    expect(found).to.include('checksum-tied-to-arch | none');
  });
});
