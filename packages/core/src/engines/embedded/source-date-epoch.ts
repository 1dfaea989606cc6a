import { MabuildError } from '@mabuild/oci';
import type { EngineBuild } from '../engine.ts';

/** `SOURCE_DATE_EPOCH` as seconds. @throws MabuildError `USAGE` */
export function epochOf({ buildArgs }: Pick<EngineBuild, 'buildArgs'>): number | undefined {
  const text = Object.hasOwn(buildArgs, 'SOURCE_DATE_EPOCH') ? buildArgs.SOURCE_DATE_EPOCH : undefined;
  if (text === undefined || text === '') return undefined;
  if (/^\d{1,11}$/.test(text)) return Number(text);
  throw new MabuildError(`SOURCE_DATE_EPOCH is ${JSON.stringify(text)}, which is no number of seconds`, {
    code: 'USAGE',
    hint: 'set it to whole seconds since 1970, e.g. from `git log -1 --format=%ct`',
  });
}
