import { hasDebs } from '../support/debs.ts';
import { expectDemo } from '../support/demo.ts';
import { runNode } from '../support/node.ts';
import { servicesDescribe } from '../support/services.ts';
import { repositoryRoot } from '../support/sources.ts';

// On fresh machines it is run by test/slow/demo.test.ts.
servicesDescribe('npm run demo', function () {
  this.timeout(120_000);

  it('builds, verifies and shows three images, without Docker', async function () {
    if (!(await hasDebs())) return this.skip();
    const program = "import { demo } from './scripts/lib/demo-embedded.mjs'; await demo();";
    const { status, stdout, stderr } = await runNode(['--input-type=module', '-e', program], {
      cwd: repositoryRoot,
    });
    expectDemo({ status: status ?? 'killed', output: `${stdout}\n${stderr}` });
  });
});
