import type { RegistryReason } from '@mabuild/registry';
import { expect } from 'chai';
import { tokenServerOf } from '../../packages/registry/src/access/token-server.ts';
import { answerError } from '../../packages/registry/src/http/answer-error.ts';

const url = new URL('https://me:hush@r.example:5000/v2/team/app/manifests/1?token=hush&a=b#hush');

function errorOf(text: string, headers: Readonly<Record<string, string>> = {}, status = 400) {
  return answerError(
    { method: 'PUT', url, doing: 'writing the manifest of r.example:5000/team/app:1' },
    { status, header: (name) => headers[name], text },
  );
}

const start =
  'writing the manifest of r.example:5000/team/app:1: PUT https://r.example:5000/v2/team/app/manifests/1';

describe('registry/error', () => {
  it('has all that there is to know', () => {
    const body = {
      errors: [
        { code: 'MANIFEST_INVALID', message: 'manifest invalid', detail: { tag: '1' } },
        { code: 'NAME_INVALID', message: 'NAME_INVALID', detail: 'too long' },
      ],
    };
    const error = errorOf(JSON.stringify(body), { 'x-request-id': 'req-7', 'retry-after': '2' });
    expect(error.message).to.equal(
      `${start} answered 400 MANIFEST_INVALID manifest invalid ({"tag":"1"}); NAME_INVALID (too long) (request id req-7)`,
    );
    expect(error).to.deep.include({
      code: 'REGISTRY_ERROR',
      status: 400,
      method: 'PUT',
      url: 'https://r.example:5000/v2/team/app/manifests/1',
      registryCode: 'MANIFEST_INVALID',
      requestId: 'req-7',
      retryAfter: 2000,
      rateLimit: undefined,
      reasons: [
        { code: 'MANIFEST_INVALID', message: 'manifest invalid', detail: '{"tag":"1"}' },
        { code: 'NAME_INVALID', message: 'NAME_INVALID', detail: 'too long' },
      ],
    });
  });

  const reasons: readonly [string, readonly RegistryReason[]][] = [
    ['', []],
    ['   \n', []],
    ['<!doctype html><p>Bad gateway', []],
    ['upstream timed out', [{ message: 'upstream timed out' }]],
    ['{"errors":[]}', []],
    ['{"errors":"none"}', [{}]],
    ['{"errors":[null,7,"x",{}]}', [{}]],
    ['{"errors":[{"code":7,"message":{},"detail":null}]}', [{}]],
    ['{"errors":[{"detail":{}}]}', [{}]],
    ['{"errors":[{"detail":[]}]}', [{}]],
    ['{"errors":[{"detail":[1]}]}', [{ detail: '[1]' }]],
    [
      '{"error":"invalid_grant","error_description":"it is over"}',
      [{ code: 'invalid_grant', message: 'it is over' }],
    ],
    ['{"code":"UNKNOWN","message":"what?"}', [{ code: 'UNKNOWN', message: 'what?' }]],
    ['{"details":"incorrect username or password"}', [{ message: 'incorrect username or password' }]],
    ['null', [{ message: 'null' }]],
    ['[1]', [{}]],
    [
      JSON.stringify({ errors: Array.from({ length: 99 }, () => ({ code: 'A' })) }),
      Array(8).fill({ code: 'A' }),
    ],
    ['x'.repeat(9999), [{ message: `${'x'.repeat(300)}…` }]],
    ['a\u001b[31mb\r\nc\u0000d\u009b2Je', [{ message: 'a [31mb c d 2Je' }]],
  ];
  for (const [text, expected] of reasons) {
    it(`reads ${JSON.stringify(text.slice(0, 60))}`, () => {
      expect(errorOf(text).reasons).to.deep.equal(expected);
    });
  }

  const secrets: readonly [string, string][] = [
    ['you sent Authorization: Bearer eyJhbGciOi.hush.hush', 'you sent Authorization: Bearer …'],
    ['no match for Basic bWU6aHVzaGh1c2g=', 'no match for Basic …'],
    ['bearer dGhpc0lzQVRva2Vu is over', 'bearer … is over'],
    ['Basic authentication is needed', 'Basic authentication is needed'],
    ['Bearer token expired', 'Bearer token expired'],
    ['see https://s3.example/b?X-Amz-Signature=hush.', 'see https://s3.example/b'],
    ['see "https://s3.example/b?sig=hush", then', 'see "https://s3.example/b", then'],
    ['cannot reach https://me:hush@proxy.example:3128/x', 'cannot reach https://proxy.example:3128/x'],
    ['is it a tag? no', 'is it a tag? no'],
  ];
  for (const [message, shown] of secrets) {
    it(`shows ${JSON.stringify(shown)}`, () => {
      for (const text of [message, JSON.stringify({ errors: [{ message }] })]) {
        const error = errorOf(text);
        expect(error.message).to.equal(`${start} answered 400 ${shown}`);
        expect(JSON.stringify(error)).to.not.contain('hush');
      }
      const detailed = errorOf(JSON.stringify({ errors: [{ code: 'X', detail: { message } }] }));
      expect(`${detailed.message} ${detailed.stack}`).to.not.contain('hush');
    });
  }

  it('is not slow, whatever it is given', () => {
    for (const part of ['http://', 'Bearer ', 'https://a@', 'https://a?', '\u0000']) {
      expect(errorOf(part.repeat(9000)).message.length).to.be.lessThan(600);
    }
  });

  const codes: readonly [number, string, string][] = [
    [400, 'MANIFEST_INVALID', 'REGISTRY_ERROR'],
    [401, 'UNAUTHORIZED', 'REGISTRY_UNAUTHORIZED'],
    [403, 'DENIED', 'REGISTRY_DENIED'],
    [403, 'TOOMANYREQUESTS', 'REGISTRY_RATE_LIMITED'],
    [404, 'NAME_UNKNOWN', 'REGISTRY_ERROR'],
    [429, '', 'REGISTRY_RATE_LIMITED'],
    [503, 'UNAVAILABLE', 'REGISTRY_ERROR'],
  ];
  for (const [status, registryCode, code] of codes) {
    it(`${status} ${registryCode} is ${code}`, () => {
      const body = JSON.stringify({ errors: [{ code: registryCode }] });
      expect(errorOf(body, {}, status)).to.have.property('code', code);
    });
  }

  const ids: readonly [Readonly<Record<string, string>>, string | undefined][] = [
    [{}, undefined],
    [{ 'x-request-id': '' }, undefined],
    [{ 'x-amzn-requestid': 'a', 'cf-ray': 'b' }, 'a'],
    [{ 'x-github-request-id': 'C0:1' }, 'C0:1'],
    [{ 'docker-request-id': `i\u001b${'d'.repeat(200)}` }, `i ${'d'.repeat(78)}…`],
  ];
  for (const [headers, id] of ids) {
    it(`calls the request ${id?.slice(0, 12)}`, () => {
      expect(errorOf('', headers).requestId).to.equal(id);
    });
  }

  const next: readonly [number, RegExp | undefined][] = [
    [400, undefined],
    [401, /mabuild login r\.example:5000/],
    [403, /may not do this/],
    [429, /wait/],
    [500, /r\.example:5000 is in trouble: try again later/],
    [503, /try again later/],
  ];
  for (const [status, hint] of next) {
    it(`says what to do after ${status}`, () => {
      const error = errorOf('', {}, status);
      if (hint === undefined) expect(error.hint).to.equal(undefined);
      else expect(error.hint).to.match(hint);
    });
  }

  it('does not blame the password for the address of a token server', () => {
    const challenge = { scheme: 'bearer', params: { realm: 'http://10.0.0.1/token' } };
    const ask = (): unknown => tokenServerOf(challenge, new URL('https://r.example'), 'r.example');
    expect(ask)
      .to.throw(/a private address that is not its own$/)
      .with.property('hint')
      .that.matches(/^give its token server a public address/);
  });
});
