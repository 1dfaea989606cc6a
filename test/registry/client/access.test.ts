import { copyImage } from '@mabuild/oci';
import { type RegistryEvent, staticCredentials } from '@mabuild/registry';
import { expect } from 'chai';
import { expectThere, singleImage } from '../../support/client-images.ts';
import { type ClientCase, clientSuite } from '../../support/client-suite.ts';
import { rejection } from '../../support/rejection.ts';

const secret = 'a-wrong-password';

const cases: readonly ClientCase[] = [
  {
    name: 'signs in',
    run: ({ client, host }) => client.signIn(host),
  },
  {
    name: 'is refused with a wrong password, and tells nobody what it was',
    needs: ['password'],
    async run({ another, host, repository }) {
      const events: RegistryEvent[] = [];
      const credentials = staticCredentials({ [host]: { username: 'ci', password: secret } });
      const client = another({ credentials, onEvent: (event) => events.push(event) });
      for (const ask of [
        () => client.signIn(host),
        () => client.resolve(repository()),
        () => copyImage(singleImage().source, client.sink(repository()), { tags: ['1'] }),
      ]) {
        const error = await rejection(Promise.resolve(ask()));
        expect(error).to.have.property('code', 'REGISTRY_UNAUTHORIZED');
        const encoded = Buffer.from(`ci:${secret}`).toString('base64');
        const told = JSON.stringify([events, error, error.message, error.stack, String(error.cause)]);
        expect(told).to.not.contain(secret).and.not.contain(encoded);
      }
    },
  },
  {
    name: 'lets nobody write without a password',
    needs: ['password'],
    async run({ another, repository, client }) {
      const image = singleImage();
      const to = repository();
      const error = await rejection(
        copyImage(image.source, another({ credentials: undefined }).sink(to), { tags: ['1'] }),
      );
      expect(error.message).to.match(/answered 40[13]|signing in/);
      expect(error)
        .to.have.property('code')
        .that.matches(/REGISTRY_(UNAUTHORIZED|DENIED)/);
      await copyImage(image.source, client.sink(to), { tags: ['1'] });
      await expectThere(another(), { ...to, tag: '1' }, image);
    },
  },
  {
    name: 'finds the password of a repository among those of its host',
    needs: ['password'],
    async run({ another, host, options, repository }) {
      const image = singleImage();
      const to = repository();
      const right = await options.credentials?.credentialFor(host);
      const credentials = staticCredentials({
        [host]: { username: 'ci', password: secret },
        [`${host}/${to.repository.split('/').slice(0, 2).join('/')}`]: right!,
      });
      await copyImage(image.source, another({ credentials }).sink(to), { tags: ['1'] });
      await expectThere(another({ credentials }), { ...to, tag: '1' }, image);
      const elsewhere = await rejection(another({ credentials }).resolve(repository()));
      expect(elsewhere).to.have.property('code', 'REGISTRY_UNAUTHORIZED');
    },
  },
  {
    name: 'asks for the password once',
    needs: ['password'],
    async run({ another, options, repository }) {
      const image = singleImage();
      const to = repository();
      let asked = 0;
      const client = another({
        credentials: {
          credentialFor(host, more) {
            asked += 1;
            return options.credentials!.credentialFor(host, more);
          },
        },
      });
      await copyImage(image.source, client.sink(to), { tags: ['1'] });
      await expectThere(client, { ...to, tag: '1' }, image);
      expect(asked).to.equal(1);
    },
  },
  {
    name: 'passes on what a source of credentials fails with',
    needs: ['password'],
    async run({ another, repository }) {
      const reason = new Error('the keyring is locked');
      const client = another({
        credentials: {
          async credentialFor() {
            throw reason;
          },
        },
      });
      expect(await rejection(client.resolve(repository()))).to.equal(reason);
    },
  },
  {
    name: 'does not trust a certificate that nobody vouches for',
    needs: ['tls'],
    async run({ another, repository }) {
      const error = await rejection(another({ tls: {} }).resolve(repository()));
      expect(error).to.have.property('code', 'REGISTRY_UNREACHABLE');
      expect(error)
        .to.have.property('hint')
        .that.matches(/certificate/);
    },
  },
  {
    name: 'takes any certificate of a registry that is marked as insecure',
    needs: ['tls'],
    async run({ another, host, options, repository }) {
      const own = options.tls?.[host];
      const tls = { [host]: { cert: own?.cert, key: own?.key } };
      const error = await rejection(another({ tls, insecure: [host] }).resolve(repository()));
      expect(error).to.have.property('code', 'IMAGE_NOT_FOUND');
    },
  },
  {
    name: 'is not let in without its own certificate',
    needs: ['client certificates'],
    async run({ another, host, options, repository }) {
      const error = await rejection(
        another({ tls: { [host]: { ca: options.tls?.[host]?.ca } } }).resolve(repository()),
      );
      expect(error).to.have.property('code', 'REGISTRY_UNREACHABLE');
    },
  },
  {
    name: 'reads through a mirror that is not there from the registry itself',
    async run({ client, another, host, repository }) {
      const image = singleImage();
      const to = repository();
      await copyImage(image.source, client.sink(to), { tags: [to.tag] });
      const skipped: string[] = [];
      const reading = another({
        mirrors: { [host]: ['http://127.0.0.1:1'] },
        retry: { attempts: 1 },
        onEvent: (event) => {
          if (event.type === 'registry-mirror-skipped') skipped.push(event.mirror);
        },
      });
      await expectThere(reading, to, image);
      expect(skipped).to.include('http://127.0.0.1:1');
    },
  },
];

clientSuite('access', cases);
