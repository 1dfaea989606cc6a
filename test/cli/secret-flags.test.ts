import { expect } from 'chai';
import { agentsOf, secretsOf } from '../../packages/cli/src/commands/secret-flags.ts';

const environment = { TOKEN: 'x' };

const secrets: readonly (readonly [string, object])[] = [
  ['id=a,src=f', { a: { file: 'f' } }],
  ['id=a,source=f', { a: { file: 'f' } }],
  ['ID=a,SRC=f', { a: { file: 'f' } }],
  ['type=file,id=a,src=f', { a: { file: 'f' } }],
  ['id=a,env=B', { a: { env: 'B' } }],
  ['type=env,id=a,env=B', { a: { env: 'B' } }],
  ['type=env,id=a,src=B', { a: { env: 'B' } }],
  ['id=TOKEN', { TOKEN: { env: 'TOKEN' } }],
  ['id=file', { file: { file: 'file' } }],
  ['id=a,"src=with, comma"', { a: { file: 'with, comma' } }],
  ['id=a,"src=with ""quotes"""', { a: { file: 'with "quotes"' } }],
  ['id=a,src=x=y', { a: { file: 'x=y' } }],
];

const wrong: readonly (readonly [string, RegExp])[] = [
  ['', /no id/],
  ['src=f', /no id/],
  ['id=', /no id/],
  ['a', /"a" is no field/],
  ['id=a,value=hidden', /"value" is no field/],
  ['id=a,type=vault', /file or env/],
  ['id=a,"src=f', /quotes/],
  ['id=a,"src=f"x', /quotes/],
];

describe('--secret', () => {
  for (const [text, expected] of secrets)
    it(text, () => {
      expect(secretsOf([text], environment)).to.deep.equal(expected);
    });
  for (const [text, message] of wrong)
    it(`refuses ${JSON.stringify(text)}`, () => {
      expect(() => secretsOf([text], environment))
        .to.throw(message)
        .with.property('code', 'USAGE');
      expect(() => secretsOf([text], environment)).to.not.throw(/hidden/);
    });
  it('takes several, the last of each id', () => {
    expect(secretsOf(['id=a,src=f', 'id=b,src=g', 'id=a,src=h'], environment)).to.deep.equal({
      a: { file: 'h' },
      b: { file: 'g' },
    });
    expect(secretsOf(undefined, environment)).to.deep.equal({});
  });
});

describe('--ssh', () => {
  const rows: readonly (readonly [readonly string[] | undefined, object])[] = [
    [undefined, {}],
    [['default'], { default: [] }],
    [[''], { default: [] }],
    [['default=/run/agent'], { default: ['/run/agent'] }],
    [['a=key1,key2', 'b'], { a: ['key1', 'key2'], b: [] }],
    [['=/run/agent'], { default: ['/run/agent'] }],
  ];
  for (const [values, expected] of rows)
    it(JSON.stringify(values ?? 'nothing'), () => {
      expect(agentsOf(values)).to.deep.equal(expected);
    });
  it('refuses an id twice', () => {
    expect(() => agentsOf(['a', 'a=x'])).to.throw(/"a" twice/);
  });
});
