import { MabuildError } from '@mabuild/oci';
import type { SecretSource } from '../sdk/build/build-request.ts';

/**
 * Reads `--secret id=NAME[,src=FILE|,env=VARIABLE]` as docker does: without a source, the environment variable NAME, else
 * the file NAME. A value never stands in a flag: others could see it there.
 *
 * @throws MabuildError `USAGE`
 */
export function secretsOf(
  values: readonly string[] | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, SecretSource>> {
  return Object.fromEntries(
    (values ?? []).map((text) => {
      const fields = new Map<string, string>();
      for (const field of csvFields(text)) {
        const equals = field.indexOf('=');
        const name = field.slice(0, equals).toLowerCase();
        const key = name === 'source' ? 'src' : name;
        if (equals < 0 || !['id', 'type', 'src', 'env'].includes(key))
          throw wrong(text, `${JSON.stringify(equals < 0 ? field : name)} is no field of it`);
        fields.set(key, field.slice(equals + 1));
      }
      const id = fields.get('id');
      const type = fields.get('type');
      if (!id) throw wrong(text, 'it has no id');
      if (type !== undefined && !['file', 'env'].includes(type)) throw wrong(text, 'type is file or env');
      const named = fields.get('src') || undefined;
      const variable = fields.get('env') || (type === 'env' ? named : undefined);
      if (variable !== undefined) return [id, { env: variable }];
      if (named !== undefined) return [id, { file: named }];
      return [id, environment[id] === undefined ? { file: id } : { env: id }];
    }),
  );
}

/**
 * Reads `--ssh default|ID[=SOCKET|KEY[,KEY…]]`.
 * @throws MabuildError `USAGE` for an id that comes twice
 */
export function agentsOf(values: readonly string[] | undefined): Readonly<Record<string, readonly string[]>> {
  const agents: Record<string, readonly string[]> = {};
  for (const text of values ?? []) {
    const equals = text.indexOf('=');
    const id = (equals < 0 ? text : text.slice(0, equals)) || 'default';
    if (Object.hasOwn(agents, id))
      throw new MabuildError(`--ssh has ${JSON.stringify(id)} twice`, {
        code: 'USAGE',
        hint: 'give each agent an id of its own',
      });
    agents[id] = equals < 0 ? [] : text.slice(equals + 1).split(',');
  }
  return agents;
}

/** Comma-separated, each optionally in double quotes, as CSV has them. */
function csvFields(text: string): readonly string[] {
  const fields: string[] = [];
  const field = /(?:"((?:[^"]|"")*)"|([^,"]*))(?:,|$)/y;
  while (field.lastIndex < text.length) {
    const match = field.exec(text);
    if (match === null) throw wrong(text, 'its quotes do not match');
    fields.push(match[1] === undefined ? (match[2] ?? '') : match[1].replaceAll('""', '"'));
  }
  return fields;
}

function wrong(text: string, why: string): MabuildError {
  // What came after an equals sign may be the secret itself.
  const shown = text.replace(/=[^,]*/g, (value) => (value.length > 1 ? '=…' : value));
  return new MabuildError(`--secret ${shown}: ${why}`, {
    code: 'USAGE',
    hint: 'write --secret id=NAME,src=FILE or --secret id=NAME,env=VARIABLE',
  });
}
