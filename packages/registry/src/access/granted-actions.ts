/**
 * What a token says that its bearer may do with a repository: distribution "Token Authentication Implementation", the
 * claim `access` of a JWT.
 * @param header the Authorization header that carries it
 * @returns `undefined` when it does not say, as tokens need not be readable
 */
export function grantedActions(header: string, repository: string): readonly string[] | undefined {
  const [, payload = ''] = /^Bearer [\w-]+\.([\w-]+)\.[\w-]*$/.exec(header) ?? [];
  let claims: unknown;
  try {
    claims = JSON.parse(Buffer.from(payload, 'base64url').toString());
  } catch {
    return undefined;
  }
  const { access } = (claims ?? {}) as { readonly access?: unknown };
  if (!Array.isArray(access)) {
    return undefined;
  }
  for (const entry of access as readonly unknown[]) {
    const { type, name, actions } = (entry ?? {}) as Record<string, unknown>;
    if (type === 'repository' && name === repository && Array.isArray(actions)) {
      return actions.filter((action): action is string => typeof action === 'string');
    }
  }
  return undefined;
}
