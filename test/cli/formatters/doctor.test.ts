import { expect } from 'chai';
import { formatDoctor } from '../../../packages/cli/src/formatters/doctor.ts';

describe('what doctor says without a Docker Engine', () => {
  const report = {
    ...{ engine: undefined, engineProblem: 'no Docker Engine was found', platforms: [], credentials: [] },
    ...{ mirrors: [], cacheDirectory: '/cache', leftovers: [], advice: ['do this', 'or that'] },
  };
  const sandbox = { kind: 'user-namespace', fileSystem: 'overlay' } as const;
  const rows = [
    {
      name: 'in a sandbox the embedded engine builds',
      given: { ...report, builds: true, sandboxes: [{ ...sandbox, refused: undefined }] },
      says: [
        'Engine:      embedded: no Docker Engine was found',
        'Sandbox:     user-namespace, overlay: used for RUN',
      ],
    },
    {
      name: 'without a sandbox nothing builds',
      given: { ...report, builds: false, sandboxes: [{ ...sandbox, refused: 'EPERM' }] },
      says: [
        'Engine:      none: no Docker Engine was found',
        'Sandbox:     user-namespace, overlay: not used: EPERM',
      ],
    },
    {
      name: 'a named engine does not answer',
      given: { ...report, builds: false, engineProblem: 'cannot reach the engine at tcp://127.0.0.1:1' },
      says: ['Engine:      none: cannot reach the engine at tcp://127.0.0.1:1'],
    },
  ];
  for (const { name, given, says } of rows) {
    it(name, () => {
      const lines = formatDoctor(given).trimEnd().split('\n');
      expect(lines.slice(0, says.length)).to.deep.equal(says);
      expect(lines.slice(-2)).to.deep.equal(['Next:        do this', 'Next:        or that']);
    });
  }
});
