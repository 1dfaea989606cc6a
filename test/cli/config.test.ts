import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { loadConfig } from '../../packages/cli/src/config.ts';

describe('mabuild.config', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mabuild-config-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  const readable: readonly { name: string; text: string }[] = [
    { name: 'mabuild.config.json', text: '{"platforms":["linux/arm64"]}' },
    { name: 'mabuild.config.yaml', text: 'platforms: [linux/arm64]\n' },
    { name: 'mabuild.config.mjs', text: 'export default { platforms: ["linux/arm64"] };' },
  ];
  for (const { name, text } of readable) {
    it(`reads ${name}, found upwards to the repository's root`, async () => {
      await mkdir(join(directory, '.git'));
      await mkdir(join(directory, 'deep', 'er'), { recursive: true });
      await writeFile(join(directory, name), text);
      expect(await loadConfig({ directory: join(directory, 'deep', 'er') })).to.deep.equal({
        platforms: ['linux/arm64'],
      });
    });
  }

  it("does not look above the repository's root", async () => {
    await writeFile(join(directory, 'mabuild.config.json'), '{"platforms":["linux/arm64"]}');
    await mkdir(join(directory, 'repository', '.git'), { recursive: true });
    expect(await loadConfig({ directory: join(directory, 'repository') })).to.deep.equal({});
  });

  it('reads certificates from where it lies, and takes hosts in every spelling', async () => {
    await mkdir(join(directory, '.git'));
    await mkdir(join(directory, 'deep'));
    const registries = {
      '[::1]:5000': { ca: 'ca.pem', cert: '/tls/me.pem' },
      'R.example:443': { insecure: true },
    };
    await writeFile(join(directory, 'mabuild.config.json'), JSON.stringify({ registries }));
    expect(await loadConfig({ directory: join(directory, 'deep') })).to.deep.equal({
      registries: {
        '[::1]:5000': { ca: join(directory, 'ca.pem'), cert: '/tls/me.pem' },
        'R.example:443': { insecure: true },
      },
    });
  });

  const wrong: readonly { text: string; says: RegExp }[] = [
    { text: '{', says: /mabuild\.config\.json: / },
    { text: '[]', says: /is not an object/ },
    { text: '{"platform":["linux/arm64"]}', says: /platform is not a known field/ },
    { text: '{"platforms":"linux/arm64"}', says: /platforms is not a list of strings/ },
    { text: '{"baseStyle":"pretty"}', says: /baseStyle is neither "namespace" nor "index"/ },
    { text: '{"images":{"node":1}}', says: /images\."node" is not a string/ },
    {
      text: '{"registries":{"docker.io":{"mirror":[]}}}',
      says: /registries\.docker\.io\.mirror is not a known field/,
    },
    {
      text: '{"registries":{"https://r.example":{}}}',
      says: /registries\."https:\/\/r\.example" is no host: write HOST or HOST:PORT/,
    },
    { text: '{"registries":{"r.example/team":{}}}', says: /"r\.example\/team" is no host/ },
    { text: '{"registries":{"":{}}}', says: /"" is no host/ },
    {
      text: '{"registries":{"docker.io":{"insecure":"yes"}}}',
      says: /registries\.docker\.io\.insecure is neither true nor false/,
    },
  ];
  for (const { text, says } of wrong) {
    it(`refuses ${text}`, async () => {
      await writeFile(join(directory, 'mabuild.config.json'), text);
      const error = await loadConfig({ directory }).catch((thrown: Error) => thrown);
      expect(error).to.be.instanceOf(Error).and.have.property('code', 'CONFIG_INVALID');
      expect((error as Error).message).to.match(says);
    });
  }

  it('tells on one line what is wrong with YAML', async () => {
    await writeFile(join(directory, 'mabuild.config.yaml'), 'platforms: [\n');
    const error = await loadConfig({ directory }).catch((thrown: Error) => thrown);
    expect((error as Error).message).to.match(/mabuild\.config\.yaml: .* at line 2, column 1$/);
  });
});
