import { offlineImages, readBake } from '@mabuild/core';
import { parsePlatformList } from '@mabuild/oci';
import { expect } from 'chai';
import { rejection } from '../../../support/rejection.ts';

const platforms = parsePlatformList('linux/arm64,linux/arm/v7');
const read = (text: string, file = 'docker-bake.hcl', variables: Readonly<Record<string, string>> = {}) =>
  readBake(text, { file, platforms, images: offlineImages, variables });

describe('builds of bake files', () => {
  const rows: readonly {
    title: string;
    text: string;
    file?: string;
    variables?: Record<string, string>;
    builds: readonly object[];
  }[] = [
    { title: 'an empty file', text: '', builds: [] },
    {
      title: 'a target with nothing',
      text: 'target "a" {}',
      builds: [{ name: 'a', context: '.', dockerfile: 'Dockerfile', buildArgs: {} }],
    },
    {
      title: 'all that is read',
      text: [
        '# comment',
        '/* more */ variable "V" { default = "1" }',
        'variable N {',
        '  default = 2',
        '}',
        'target "a" {',
        '  context = "./web" // note',
        `  dockerfile = "\${V}.Dockerfile"`,
        `  args = { A = "\${V}-\${N}", "B" : V, C = null`,
        '    D = lower(V) }',
        '  target = "run"',
        '}',
      ].join('\n'),
      builds: [
        {
          name: 'a',
          context: './web',
          dockerfile: '1.Dockerfile',
          buildArgs: { A: '1-2', B: '1' },
          target: 'run',
        },
      ],
    },
    {
      title: 'the environment before the default',
      text: 'variable "V" { default = "1" }\ntarget "a" { args = { V = V } }',
      variables: { V: '9' },
      builds: [{ name: 'a', context: '.', dockerfile: 'Dockerfile', buildArgs: { V: '9' } }],
    },
    {
      title: 'what is inherited, through two targets, and a circle',
      text: [
        'target "x" { args = { A = "x", B = "x" }\n inherits = ["c"] }',
        'target "c" { inherits = ["x"]\n context = "c" }',
        'target "a" { inherits = ["x"]\n args = { B = "a" } }',
      ].join('\n'),
      builds: [
        { name: 'x', context: 'c', dockerfile: 'Dockerfile', buildArgs: { A: 'x', B: 'x' } },
        { name: 'c', context: 'c', dockerfile: 'Dockerfile', buildArgs: { A: 'x', B: 'x' } },
        { name: 'a', context: 'c', dockerfile: 'Dockerfile', buildArgs: { A: 'x', B: 'a' } },
      ],
    },
    {
      title: 'a matrix of strings',
      text: `target "a" {\n name = "a-\${v}"\n matrix = { v = ["1", "2"] }\n args = { V = v }\n}`,
      builds: [
        { name: 'a-1', context: '.', dockerfile: 'Dockerfile', buildArgs: { V: '1' } },
        { name: 'a-2', context: '.', dockerfile: 'Dockerfile', buildArgs: { V: '2' } },
      ],
    },
    {
      title: 'contexts that are no folders',
      text: 'target "a" { context = "https://github.com/a/b.git" }\ntarget "b" { context = "target:a" }',
      builds: [
        { name: 'a', context: undefined, dockerfile: 'Dockerfile', buildArgs: {} },
        { name: 'b', context: undefined, dockerfile: 'Dockerfile', buildArgs: {} },
      ],
    },
    {
      title: 'heredocs, functions and conditions that are passed over',
      text: [
        'function "f" { params = [a]\n result = "${a}-x" }',
        'target "a" {',
        '  dockerfile-inline = <<EOT',
        'FROM debian:13',
        'EOT',
        '  tags = notequal("", V) ? ["a:${V}", "b"] : [for x in y : upper("${x}")]',
        '  labels = { "a" = true ? "x" : "y" }',
        '}',
      ].join('\n'),
      builds: [
        {
          name: 'a',
          context: '.',
          dockerfile: 'Dockerfile',
          inline: { text: 'FROM debian:13\n', range: { start: 84, end: 108 }, indent: undefined },
          buildArgs: {},
        },
      ],
    },
    {
      title: 'JSON',
      file: 'docker-bake.json',
      text: `{\n\t"variable": {"V": {"default": "3"}},\n\t"target": {"a": {"context": "w", "args": {"V": "v\${V}"}, "platforms": ["linux/arm64", "linux/arm"]}}\n}`,
      builds: [{ name: 'a', context: 'w', dockerfile: 'Dockerfile', buildArgs: { V: 'v3' } }],
    },
  ];
  for (const { title, text, file, variables, builds } of rows) {
    it(title, async () => {
      expect((await read(text, file, variables)).builds).to.deep.equal(builds);
    });
  }
});

describe('findings of bake files', () => {
  const rows: readonly { text: string; file?: string; found: readonly string[] }[] = [
    { text: 'target "a" { platforms = ["linux/amd64", "linux/arm64", "linux/arm/v7"] }', found: [] },
    { text: 'target "a" {}', found: [] },
    {
      text: 'target "a" { platforms = ["linux/amd64"] }\ntarget "b" { inherits = ["a"] }',
      found: ['bake-target-lacks-platform ["linux/amd64"]'],
    },
    {
      text: 'target "a" {\n  // mabuild ignore=bake-target-lacks-platform because\n  platforms = ["linux/amd64"]\n}',
      found: [],
    },
    { text: 'target "a" { platforms = split(",", P) }', found: ['bake-not-evaluated split(",", P)'] },
    { text: 'target "a" { tags = split(",", P) }', found: [] },
    {
      file: 'x.bake.json',
      text: '{"target": {"a": {"platforms": ["linux/amd64"]}}}',
      found: ['bake-target-lacks-platform ["linux/amd64"]'],
    },
  ];
  for (const { text, file, found } of rows) {
    it(text, async () => {
      const { findings } = await read(text, file);
      expect(
        findings.map(({ rule, range }) =>
          `${rule} ${text.slice(range.start, range.end).trimEnd()}`.replace(/ }$/, ''),
        ),
      ).to.deep.equal(found);
    });
  }
});

describe('bake files that cannot be read', () => {
  const bad: readonly { text: string; file?: string; says: RegExp; at: string }[] = [
    { text: 'target "a" {', says: /a block has no closing brace/, at: '1:12' },
    { text: 'target "a" {\n  x = "y\n}', says: /a string has no closing quote/, at: '2:7' },
    { text: 'target "a" {\n  x = "${y"\n}', says: /a string has no closing quote/, at: '2:11' },
    { text: 'x = ["a"', says: /a list has no closing bracket/, at: '1:5' },
    { text: 'x = ["a"}', says: /a list is closed by \]/, at: '1:9' },
    { text: 'x = {a = 1', says: /an object has no closing brace/, at: '1:5' },
    { text: 'x = f(1', says: /a bracket is not closed/, at: '1:6' },
    { text: '/* x', says: /a comment has no end/, at: '1:1' },
    { text: 'x = <<EOT\nabc\n', says: /the heredoc EOT has no end/, at: '1:5' },
    { text: '= 1', says: /"=" is neither an attribute nor a block/, at: '1:1' },
    { text: 'target "a"\n', says: /target is followed by neither = nor a block/, at: '1:11' },
    { text: '}', says: /"}" is neither/, at: '1:1' },
    { file: 'docker-bake.json', text: '{"target": {"a": }}', says: /no valid JSON/, at: '1:18' },
    { file: 'docker-bake.json', text: '{"target":', says: /no valid JSON/, at: '1:11' },
  ];
  for (const { text, file, says, at } of bad) {
    it(JSON.stringify(text), async () => {
      const error = (await rejection(read(text, file))) as {
        message: string;
        code?: string;
        location?: { line: number; column: number };
      };
      expect(error.message).to.match(says);
      expect(error.code).to.equal('SERVICES_SYNTAX');
      expect(`${error.location?.line}:${error.location?.column}`).to.equal(at);
    });
  }

  it('ends on every beginning and every hole of a file', async () => {
    const text =
      'variable "V" { default = "1" }\ntarget "a" {\n  args = { A = "${V}", B = [1, "x"] } # c\n  x = <<E\nb\nE\n  y = f({a = 1}, "${z}")\n}\n';
    for (let at = 0; at <= text.length; at += 1) {
      await read(text.slice(0, at)).catch(() => undefined);
      await read(text.slice(0, at) + text.slice(at + 1)).catch(() => undefined);
    }
  });
});
