import { expect } from 'chai';

/** Expects the demo to have verified its images, and each to say that the right machine made it. */
export function expectDemo({
  status,
  output,
}: {
  readonly status: number | string;
  readonly output: string;
}): void {
  expect(status, output).to.equal(0);
  expect(output).to.match(/^127\.0\.0\.1:\d+\/httpd:demo: ok$/m);
  // Notes of the sandbox may stand between a command and what it says.
  const runs = output.matchAll(/--platform (\S+) \S+ -- cat [^$]*?^This page was made on (\S+)\.$/gm);
  const machines = [...runs].map((match) => match.slice(1));
  const arm32 = process.arch === 'x64' ? 'armv7l' : machines[2]?.[1];
  expect(machines, output).to.deep.equal([
    ['linux/amd64', 'x86_64'],
    ['linux/arm64', 'aarch64'],
    ['linux/arm/v7', arm32],
  ]);
}
