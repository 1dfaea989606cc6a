import type { Platform } from '@mabuild/oci';
import type { ResolvedBase } from '../../bases/resolve-bases.ts';
import type { LayerEntry } from './layers/entry.ts';
import type { StoredLayer } from './layers/layer-scanner.ts';
import { applyLayer, emptyTree } from './layers/tree.ts';
import { type ConfigFields, lazily, listIn, type StageState } from './state.ts';
import { withVariable } from './steps/variables.ts';

/** The fields of an image's config that BuildKit passes on. */
const kept = [
  'User',
  'ExposedPorts',
  'Env',
  'Entrypoint',
  'Cmd',
  'Volumes',
  'WorkingDir',
  'Labels',
  'StopSignal',
  'Healthcheck',
  'ArgsEscaped',
  'OnBuild',
  'StopTimeout',
  'Shell',
] as const;

const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** What `FROM scratch` starts with. */
export function scratchState(platform: Platform): StageState {
  return {
    ...stateWith({ Env: [`PATH=${defaultPath}`], WorkingDir: '/' }),
    platform,
    author: undefined,
    history: [],
    layers: [],
    tree: async () => emptyTree(),
  };
}

/** What a FROM of an image starts with. */
export function imageState(
  base: Pick<ResolvedBase, 'config' | 'manifest' | 'platform' | 'source'>,
  entries: (layer: StoredLayer) => Promise<readonly LayerEntry[]>,
): StageState {
  const given: ConfigFields = base.config.config ?? {};
  const config = Object.fromEntries(
    kept.flatMap((field) =>
      given[field] === undefined || given[field] === null ? [] : [[field, given[field]]],
    ),
  );
  const list = listIn(config, 'Env');
  const env = list.some((item) => item.startsWith('PATH=')) ? list : withVariable(list, 'PATH', defaultPath);
  const layers = base.manifest.layers.map(
    (descriptor, index): StoredLayer => ({
      descriptor,
      diffId: base.config.rootfs.diff_ids[index] ?? '',
      read: (options) => base.source.read(descriptor, options),
    }),
  );
  return {
    ...stateWith({ ...config, Env: env }),
    platform: base.platform,
    author: base.config.author,
    history: base.config.history ?? [],
    layers,
    tree: lazily(async () => {
      let tree = emptyTree();
      for (const list of await Promise.all(layers.map(entries))) tree = applyLayer(tree, list);
      return tree;
    }),
  };
}

function stateWith(
  config: ConfigFields,
): Pick<StageState, 'config' | 'variables' | 'arguments' | 'commandSet'> {
  const variables = new Map(
    listIn(config, 'Env').map((item) => {
      const equals = item.indexOf('=');
      return [item.slice(0, equals), item.slice(equals + 1)] as const;
    }),
  );
  return { config, variables, arguments: new Map(), commandSet: false };
}
