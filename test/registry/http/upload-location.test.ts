import { isPrivateHost, resolveUploadLocation } from '@mabuild/registry';
import { expect } from 'chai';
import { registryVectors } from '../../support/vectors.ts';

interface Vector {
  readonly request: string;
  readonly location: string;
  readonly url?: string;
  readonly error?: string;
}

describe('registry/upload-location', () => {
  registryVectors<Vector>('upload-location.json', {
    title: ({ request, location }) => `${request} says ${location}`,
    check({ request, location, url, error }) {
      const resolve = (): URL => resolveUploadLocation(new URL(request), location, 'uploading');
      if (error !== undefined) {
        expect(resolve).to.throw(/private address/);
      } else if (url === undefined) {
        expect(resolve().hostname).to.equal(new URL(request).hostname);
      } else {
        expect(resolve().href).to.equal(url);
      }
    },
  });

  it('takes a registry behind a TLS proxy back to https', () => {
    const url = resolveUploadLocation(
      new URL('https://registry.example:8443/v2/a/blobs/uploads/'),
      'http://registry.example/v2/a/blobs/uploads/1?_state=x',
      'uploading',
    );
    expect(url.href).to.equal('https://registry.example:8443/v2/a/blobs/uploads/1?_state=x');
  });

  const bad: readonly [string | undefined, RegExp][] = [
    [undefined, /did not say where/],
    ['', /did not say where/],
    ['http://', /not a URL/],
    ['file:///etc/passwd', /neither http nor https/],
    ['javascript:alert(1)', /neither http nor https/],
    ['//localhost/x', /private address/],
    ['http://[::ffff:10.0.0.1]/x', /private address/],
    ['http://2130706433/x', /private address/],
    ['http://0x7f.1/x', /private address/],
    ['http://user:secret@10.0.0.1/x?token=secret', /private address/],
  ];
  for (const [location, message] of bad) {
    it(`refuses ${location}`, () => {
      expect(() => resolveUploadLocation(new URL('https://registry.example/v2/'), location, 'uploading'))
        .to.throw(message)
        .with.property('message')
        .that.does.not.contain('secret');
    });
  }

  const hosts: readonly [string, boolean][] = [
    ['localhost', true],
    ['127.8.9.10', true],
    ['[::1]', true],
    ['172.16.0.1', true],
    ['172.32.0.1', false],
    ['100.64.0.1', true],
    ['169.254.169.254', true],
    ['[fe80::1]', true],
    ['[2001:db8::1]', false],
    ['registry.example', false],
    ['10.example.com', false],
    ['8.8.8.8', false],
  ];
  for (const [host, isPrivate] of hosts) {
    it(`${host} is ${isPrivate ? '' : 'not '}private`, () => {
      expect(isPrivateHost(host)).to.equal(isPrivate);
    });
  }
});
