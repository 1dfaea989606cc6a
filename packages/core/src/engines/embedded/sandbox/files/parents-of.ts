/** `/a`, `/a/b`, … down to the path itself. */
export function parentsOf(path: string): readonly string[] {
  const names = path.split('/').filter((name) => name !== '');
  return names.map((_, index) => `/${names.slice(0, index + 1).join('/')}`);
}
