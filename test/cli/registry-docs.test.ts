import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Descriptor, mediaTypes } from '@mabuild/oci';
import { startTestRegistry, type TestRegistry } from '@mabuild/registry/testing';
import { expect } from 'chai';
import { runCli } from '../support/cli-run.ts';
import { writeTo } from '../support/registry-images.ts';
import { repositoryRoot } from '../support/sources.ts';

/** The verbs whose sections of docs/cli.md show what they print. */
const verbs = ['manifest', 'config', 'blob', 'ls', 'catalog', 'tag', 'delete', 'pull', 'copy'];

describe('docs/cli.md on registries', () => {
  let directory: string;
  let registry: TestRegistry;
  let page: string;
  before(async () => {
    page = await readFile(join(repositoryRoot, 'docs/cli.md'), 'utf8');
  });
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mabuild-docs-'));
    registry = await startTestRegistry();
    const app = writeTo(registry, 'me/app');
    const images = ['linux/amd64', 'linux/arm64', 'linux/arm/v7'].map((platform) =>
      app.image(platform, 'hello\n'),
    );
    app.index('1', [...images, app.attestation(images[1] as Descriptor)]);
    app.index('latest', images);
    registry.addManifest('me/tool', 'latest', mediaTypes.ociManifest, Buffer.from('{}'));
  });
  afterEach(async () => {
    await registry.close();
    await rm(directory, { recursive: true, force: true });
  });

  for (const verb of verbs) {
    it(`shows what ${verb} prints`, async () => {
      const section = page.split(`### mabuild ${verb} `)[1]?.split(/^##/m)[0] ?? '';
      const blocks = [...section.matchAll(/^```console\n([\s\S]*?)^```$/gm)].map((match) => String(match[1]));
      expect(blocks).to.have.length.greaterThan(0);
      for (const block of blocks) {
        const [command = '', ...lines] = block.trimEnd().split('\n');
        expect(command).to.match(new RegExp(`^\\$ mabuild ${verb} `));
        const argv = command.split(' ').slice(2);
        const answer = await runCli(
          directory,
          argv.map((word) => word.replace('localhost:5000', registry.host)),
        );
        expect(answer.code, answer.stderr).to.equal(0);
        const shown = answer.stdout.replaceAll(registry.host, 'localhost:5000').trimEnd();
        expect(shown).to.match(patternOf(lines.join('\n')));
      }
    });
  }
});

/** What is shown, where `…` stands for anything on its line. */
function patternOf(shown: string): RegExp {
  const parts = shown.split('…').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.+')}$`);
}
