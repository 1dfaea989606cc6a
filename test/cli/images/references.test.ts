import type { MabuildError } from '@mabuild/oci';
import { expect } from 'chai';
import {
  parseImageName,
  parseRegistry,
  parseRepository,
} from '../../../packages/cli/src/sdk/images/references.ts';

describe('names on the command line', () => {
  const read: readonly (readonly [string, () => unknown, unknown])[] = [
    ['docker.io', () => parseRegistry('docker.io'), 'docker.io'],
    ['a port', () => parseRegistry('localhost:5000'), 'localhost:5000'],
    ['an address', () => parseRegistry('[::1]:5000'), '[::1]:5000'],
    ['a repository', () => parseRepository('r.example/team/app').repository, 'team/app'],
    ["Docker Hub's image docker", () => parseImageName('docker:cli').repository, 'library/docker'],
    ['an image called oci', () => parseImageName('docker.io/library/oci:1').repository, 'library/oci'],
  ];
  for (const [name, parse, expected] of read) {
    it(`read ${name}`, () => {
      expect(parse()).to.equal(expected);
    });
  }

  const refused: readonly (readonly [string, () => unknown, RegExp])[] = [
    ['no registry', () => parseRegistry(''), /^"" is no registry$/],
    ['a word', () => parseRegistry('ghcr'), /^"ghcr" is no registry$/],
    ['a repository for a registry', () => parseRegistry('r.example/team'), /is no registry$/],
    ['an address with a scheme', () => parseRegistry('https://r.example'), /is no registry$/],
    ['a tag for a repository', () => parseRepository('r.example/app:1'), /a repository is asked for$/],
    ['a layout for a repository', () => parseRepository('oci:backup'), /is a place on this machine/],
    ['a layout for an image', () => parseImageName('oci:image:1'), /is a place on this machine/],
    ['an archive', () => parseImageName('oci-archive:image.tar'), /is a place on this machine/],
    ['an archive of docker', () => parseImageName('docker-archive:a'), /is a place on this machine/],
  ];
  for (const [name, parse, message] of refused) {
    it(`refuse ${name}`, () => {
      expect(parse)
        .to.throw(message)
        .that.satisfies(({ code, hint }: MabuildError) => code === 'INVALID_REFERENCE' && hint);
    });
  }
});
