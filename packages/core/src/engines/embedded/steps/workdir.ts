import { CopyError, LayerDraft } from '../copy/layer-draft.ts';
import { pathNames } from '../layers/tree.ts';
import { textIn, withConfig, withHistory } from '../state.ts';
import { expand, ownerIn, type Step, stacked, stepFailed } from './step.ts';

export const workdir: Step = async (state, instruction, site) => {
  const wanted = expand(site, state, instruction, instruction.args[0] ?? '');
  // As BuildKit does, an absolute path is kept as it is written.
  const path = wanted.startsWith('/')
    ? wanted
    : `/${pathNames(`${textIn(state.config, 'WorkingDir')}/${wanted}`).join('/')}`;
  const next = withConfig(state, { WorkingDir: path });
  const createdBy = `WORKDIR ${path}`;
  if (path === '/') return withHistory(next, createdBy);
  const user = textIn(state.config, 'User');
  try {
    const below = state.layers.map(({ diffId }) => diffId);
    const { layer } = await site.remembered(['WORKDIR', below, path, user], async () => {
      const draft = new LayerDraft(await state.tree(), site.now);
      const { path: place, node } = draft.resolve(path);
      const owner =
        user === '' || node?.entry.type === 'directory'
          ? undefined
          : await ownerIn(site, state, instruction, user);
      draft.makeFolders(place, owner);
      const entries = draft.entries();
      return entries.length === 0 ? undefined : await site.write(entries);
    });
    return layer ? stacked(next, layer, createdBy, site) : withHistory(next, createdBy);
  } catch (error) {
    if (!(error instanceof CopyError)) throw error;
    throw stepFailed(site, instruction, error.message, { cause: error });
  }
};
