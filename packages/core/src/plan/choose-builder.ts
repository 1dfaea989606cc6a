import { MabuildError } from '@mabuild/oci';
import type { Builder, EngineInfo } from '../engines/engine.ts';

/**
 * BuildKit where the engine has it, unless the user says otherwise; an engine of another kind builds as it can.
 * @throws MabuildError `ENGINE_LACKS_BUILDER`
 */
export function chooseBuilder(wanted: 'auto' | Builder, info: EngineInfo): Builder {
  if (wanted === 'auto')
    return info.builders.includes('buildkit') ? 'buildkit' : (info.builders[0] ?? 'classic');
  if (info.builders.includes(wanted)) return wanted;
  throw new MabuildError(`${info.kind} ${info.version} at ${info.endpoint} has no ${wanted} builder`, {
    code: 'ENGINE_LACKS_BUILDER',
    hint: `leave --engine out to use ${info.builders.join(' or ')}`,
  });
}
