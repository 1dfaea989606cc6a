/**
 * Merges token scopes (`type:name:actions`) of one resource into one, actions and scopes sorted, `*` for all:
 * distribution "Token Scope Documentation". What is not of that form is kept as it is.
 */
export function normalizeScopes(scopes: Iterable<string>): readonly string[] {
  const resources = new Map<string, Set<string>>();
  const others = new Set<string>();
  for (const scope of scopes) {
    const [first, last] = [scope.indexOf(':'), scope.lastIndexOf(':')];
    if (first === -1 || first === last) {
      if (scope !== '') {
        others.add(scope);
      }
      continue;
    }
    const resource = scope.slice(0, last);
    const actions = resources.get(resource) ?? new Set();
    resources.set(resource, actions);
    for (const action of scope.slice(last + 1).split(',')) {
      actions.add(action.trim());
    }
    actions.delete('');
  }
  const merged = [...resources]
    .filter(([, actions]) => actions.size > 0)
    .map(([resource, actions]) => `${resource}:${actions.has('*') ? '*' : [...actions].sort().join(',')}`);
  return [...merged, ...others].sort();
}

/** Tells whether a token for `granted` does for `needed`; both normalised. */
export function coversScopes(granted: readonly string[], needed: readonly string[]): boolean {
  const merged = normalizeScopes([...granted, ...needed]);
  return merged.length === granted.length && merged.every((scope, index) => scope === granted[index]);
}

export function pullScope(repository: string): string {
  return `repository:${repository}:pull`;
}

export function pushScope(repository: string): string {
  return `repository:${repository}:pull,push`;
}

export function deleteScope(repository: string): string {
  return `repository:${repository}:delete,pull`;
}

/** The repository that the first of these scopes is about. */
export function repositoryOf(scopes: readonly string[]): string | undefined {
  return /^repository(?:\([^)]*\))?:(.+):[^:]*$/.exec(scopes[0] ?? '')?.[1];
}
