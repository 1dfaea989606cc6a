import type { ImageReference } from '@mabuild/oci';
import { createRegistryClient, type RegistryClient, type RegistryOptions } from '@mabuild/registry';
import { type Ability, clientTargets, type OpenTarget } from './client-targets.ts';

/** What a case may use. */
export interface ClientWorld {
  readonly host: string;
  readonly client: RegistryClient;
  readonly options: RegistryOptions;
  readonly abilities: ReadonlySet<Ability>;
  /** A repository that nobody has written to. */
  repository(suffix?: string): ImageReference & { readonly tag: string };
  /** Another client, closed after the case: with the target's options, and others in their place. */
  another(options?: Partial<RegistryOptions>): RegistryClient;
}

/** A case of the client suite, which runs against every target that has the abilities. */
export interface ClientCase {
  readonly name: string;
  readonly needs?: readonly Ability[];
  /** For registries that cannot do something. */
  readonly lacks?: Ability;
  readonly run: (world: ClientWorld) => Promise<void>;
}

const suites: { readonly cases: number; readonly ran: ReadonlyMap<string, number> }[] = [];

after(() => {
  const cases = suites.reduce((sum, suite) => sum + suite.cases, 0);
  const targets = new Set(suites.flatMap(({ ran }) => [...ran.keys()]));
  console.log(`  client suite: ${cases} cases, ${runs(suites)} runs on ${targets.size} registries`);
});

function runs(of: typeof suites): number {
  return of.flatMap(({ ran }) => [...ran.values()]).reduce((sum, count) => sum + count, 0);
}

/**
 * Runs cases against every target, and prints how many ran where.
 * @param leftOut names of targets whose ways others have too
 */
export function clientSuite(
  title: string,
  cases: readonly ClientCase[],
  leftOut: readonly string[] = [],
): void {
  describe(`registry/client: ${title}`, () => {
    const ran = new Map<string, number>();
    let counter = 0;

    for (const target of clientTargets.filter(({ name }) => !leftOut.includes(name))) {
      const fitting = cases.filter(
        ({ needs = [], lacks }) =>
          needs.every((ability) => target.abilities.has(ability)) &&
          (lacks === undefined || !target.abilities.has(lacks)),
      );
      if (fitting.length === 0) continue;
      describe(target.name, () => {
        const { open } = target;
        if (open === undefined) {
          if (process.env.MABUILD_REQUIRE_SERVICES) throw new Error('the test services are absent');
          it(`skipped: ${fitting.length} cases need what \`npm test\` starts, on Debian as root`);
          return;
        }
        let opened: OpenTarget | undefined;
        before(async () => {
          opened = await open();
        });
        after(() => opened?.close());

        for (const { name, run } of fitting) {
          it(name, async () => {
            const { host, options } = opened!;
            const clients: RegistryClient[] = [];
            const another = (other: Partial<RegistryOptions> = {}): RegistryClient => {
              const client = createRegistryClient({ ...options, ...other });
              clients.push(client);
              return client;
            };
            const repository: ClientWorld['repository'] = (suffix = 'app') => {
              counter += 1;
              const place = `public/suite-${process.pid}-${Date.now().toString(36)}-${counter}`;
              return { registry: host, repository: `${place}/${suffix}`, tag: 'latest' };
            };
            const world = {
              host,
              options,
              abilities: target.abilities,
              client: another(),
              another,
              repository,
            };
            try {
              await run(world);
            } finally {
              for (const client of clients) await client.close();
            }
            ran.set(target.name, (ran.get(target.name) ?? 0) + 1);
          });
        }
      });
    }

    after(() => {
      const suite = { cases: cases.length, ran };
      suites.push(suite);
      console.log(
        `      client suite, ${title}: ${cases.length} cases, ${runs([suite])} runs on ${ran.size} registries`,
      );
    });
  });
}
