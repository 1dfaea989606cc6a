import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Credential } from '@mabuild/oci';
import { type RegistryOptions, staticCredentials } from '@mabuild/registry';
import {
  profiles,
  type RegistryBehaviour,
  type RegistryProfile,
  startTestRegistry,
  type TestRegistryOptions,
} from '@mabuild/registry/testing';
import { makeAuthority } from './certificates.ts';
import { findServices, type Services } from './services.ts';

/** What some registries can do and others cannot. */
export type Ability =
  | 'catalog'
  | 'client certificates'
  | 'delete manifests'
  | 'delete tags'
  | 'move tags'
  | 'mount'
  | 'password'
  | 'refuse what lacks blobs'
  | 'tls'
  | 'token';

/** A registry that the client suite runs against. */
export interface ClientTarget {
  readonly name: string;
  readonly abilities: ReadonlySet<Ability>;
  /** Absent where there is none, as without the test services. */
  readonly open: (() => Promise<OpenTarget>) | undefined;
}

export interface OpenTarget {
  readonly host: string;
  /** How a client that may do everything is made. */
  readonly options: RegistryOptions;
  close(): Promise<void>;
}

const user = { username: 'ci', password: 'ci-pass' } as const;

/** Registries in this process, and docker-registry in all its ways of letting callers in. */
export const clientTargets: readonly ClientTarget[] = [
  inProcess('the test registry', {}),
  inProcess('the test registry with a password', { auth: { kind: 'basic', ...user } }),
  inProcess('the test registry with tokens', { auth: { kind: 'token', ...user } }),
  inProcess(
    'the test registry with refresh tokens',
    { auth: { kind: 'token', ...user, identityToken: 'refresh' } },
    { kind: 'identity-token', token: 'refresh' },
  ),
  behindTls('the test registry with client certificates', {}),
  ...(Object.keys(profiles) as RegistryProfile[]).map((profile) =>
    // Its limit of pulls has tests of its own.
    inProcess(`the test registry as ${profile}`, { profile, rateLimit: { pulls: 1e6, windowSeconds: 60 } }),
  ),
  real('docker-registry', [], ({ registry }) => ({ host: registry })),
  real('docker-registry with a password', ['password'], ({ authRegistry }) => ({ host: authRegistry })),
  real('docker-registry with tokens', ['password', 'token'], ({ tokenRegistry }) => ({
    host: tokenRegistry,
  })),
  real('docker-registry with TLS and a password', ['password', 'tls'], (services) => ({
    host: services.tlsRegistry,
    tls: { ca: readFileSync(services.tlsCertificate, 'utf8') },
  })),
  real('docker-registry with client certificates', ['tls', 'client certificates'], (services) => {
    const pem = (name: string): string =>
      readFileSync(join(services.mutualCertificates, `${name}.pem`), 'utf8');
    return {
      host: services.mutualRegistry,
      tls: { ca: pem('ca'), cert: pem('client'), key: pem('client-key') },
    };
  }),
];

function inProcess(name: string, options: TestRegistryOptions, credential?: Credential): ClientTarget {
  const { profile, auth } = options;
  return {
    name,
    abilities: new Set<Ability>([
      ...abilitiesOf(profile === undefined ? {} : profiles[profile]),
      ...(auth === undefined ? [] : (['password'] as const)),
      ...(auth?.kind === 'token' ? (['token'] as const) : []),
    ]),
    async open() {
      const registry = await startTestRegistry(options);
      return {
        host: registry.host,
        options: optionsFor(registry.host, credential ?? (auth && { kind: 'basic', ...user })),
        close: () => registry.close(),
      };
    },
  };
}

function behindTls(name: string, options: TestRegistryOptions): ClientTarget {
  return {
    name,
    abilities: new Set<Ability>([...abilitiesOf({}), 'tls', 'client certificates']),
    async open() {
      const authority = makeAuthority();
      const { ca } = authority;
      const [server, client] = [authority.issue('IP:127.0.0.1', 'DNS:localhost'), authority.issue()];
      const registry = await startTestRegistry({ ...options, tls: { ...server, clientCa: ca } });
      return {
        host: registry.host,
        options: { ...optionsFor(registry.host, undefined), tls: { [registry.host]: { ca, ...client } } },
        async close() {
          await registry.close();
          authority.close();
        },
      };
    },
  };
}

function real(
  name: string,
  more: readonly Ability[],
  place: (services: Services) => {
    readonly host: string;
    readonly tls?: { readonly ca: string; readonly cert?: string; readonly key?: string };
  },
): ClientTarget {
  const services = findServices();
  return {
    name,
    abilities: new Set<Ability>([...abilitiesOf({ ...profiles.distribution, delete: 'digests' }), ...more]),
    open:
      services &&
      (async () => {
        const { host, tls } = place(services);
        const credential = more.includes('password')
          ? ({ kind: 'basic', username: services.user, password: services.password } as const)
          : undefined;
        return {
          host,
          options: { ...optionsFor(host, credential), ...(tls && { tls: { [host]: tls } }) },
          close: async () => undefined,
        };
      }),
  };
}

function abilitiesOf(behaviour: RegistryBehaviour): readonly Ability[] {
  const can: readonly (readonly [Ability, boolean])[] = [
    ['catalog', behaviour.catalog !== false],
    ['delete manifests', behaviour.delete !== 'none'],
    ['delete tags', (behaviour.delete ?? 'all') === 'all'],
    ['move tags', behaviour.immutableTags !== true],
    ['mount', behaviour.mount !== false],
    ['refuse what lacks blobs', behaviour.strict !== false],
  ];
  return can.filter(([, able]) => able).map(([ability]) => ability);
}

function optionsFor(host: string, credential: Credential | undefined): RegistryOptions {
  return {
    ...(credential && { credentials: staticCredentials({ [host]: credential }) }),
    retry: { baseDelay: 1 },
  };
}
