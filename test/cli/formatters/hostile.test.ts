import { PassThrough } from 'node:stream';
import type { Platform, VerifiedImage, VerifyProblem } from '@mabuild/oci';
import { expect } from 'chai';
import { formatError } from '../../../packages/cli/src/formatters/error.ts';
import { formatRepository, formatVerify } from '../../../packages/cli/src/formatters/verify.ts';
import type { ProgressEvent } from '../../../packages/cli/src/progress/event.ts';
import { plainProgress } from '../../../packages/cli/src/progress/plain.ts';
import { describeProblem } from '../../../packages/cli/src/sdk/build/verification.ts';
import { plainPaint } from '../../../packages/cli/src/text/paint.ts';

const evil = '\u001b]0;owned\u0007\u001b[2J\u009b1A\r';
const descriptor = { mediaType: 'application/octet-stream', digest: `sha256:${'0'.repeat(64)}`, size: 1 };
const platform: Platform = { os: evil, architecture: 'arm64' };

describe('what images and registries say', () => {
  const image: VerifiedImage = {
    platform: `${evil}/arm64`,
    digest: descriptor.digest,
    ok: false,
    problems: [{ kind: 'elf-machine', path: `bin/a\nlinux/arm64 ok${evil}`, layer: 'sha256:1', found: evil }],
    notes: [{ kind: 'base-unknown', found: evil }],
  };
  const tag = { tag: `1${evil}`, digest: descriptor.digest, ok: false, images: [image] };
  const event = (state: string, more: object): ProgressEvent => ({ type: state, ...more }) as ProgressEvent;
  const shown: readonly (readonly [string, () => string, number])[] = [
    ['verify', () => formatVerify('app', { ok: false, images: [image] }, plainPaint), 4],
    [
      'verify --all-tags',
      () => formatRepository({ repository: 'app', ok: false, tags: [tag] }, plainPaint),
      5,
    ],
    ['a blob of a platform', () => progress(event('blob', { state: 'sent', platform, descriptor })), 1],
    ['a warning', () => progress(event('warning', { message: evil })), 1],
    [
      'a mirror that is passed over',
      () => progress(event('registry-mirror-skipped', { registry: 'a', mirror: 'b', reason: evil })),
      1,
    ],
    ['a stack', () => formatError(new Error(evil), { paint: plainPaint, debug: true }), -1],
  ];
  for (const [name, show, lines] of shown) {
    it(`does not command the terminal: ${name}`, () => {
      const text = show();
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
      expect(text).not.to.match(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
      if (lines > 0) expect(text.split('\n')).to.have.length(lines + 1);
    });
  }

  const problems: readonly (readonly [VerifyProblem, string])[] = [
    [{ kind: 'elf-machine', path: 'bin/a', layer: 'L', found: 'x86-64' }, 'bin/a in layer L is x86-64'],
    [{ kind: 'missing-blob', layer: 'L', found: 'nothing' }, 'L is not there'],
    [{ kind: 'missing-blob', found: 'no image for linux/arm64' }, 'there is no image for linux/arm64'],
    [{ kind: 'missing-blob', found: 'nothing', expected: 'a manifest' }, 'there is nothing'],
    [{ kind: 'unverified', layer: 'L', found: 'reading L: it is cut' }, 'in layer L: reading L: it is cut'],
    [{ kind: 'unverified', found: 'no JSON' }, 'no JSON'],
  ];
  for (const [problem, text] of problems) {
    it(`is told as: ${text}`, () => {
      expect(describeProblem(problem)).to.equal(text);
    });
  }
});

function progress(event: ProgressEvent): string {
  const stream = new PassThrough({ encoding: 'utf8' });
  plainProgress(stream, plainPaint).onEvent(event);
  return stream.read() as string;
}
