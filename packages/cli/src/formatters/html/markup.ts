import { visible } from '../../text/visible.ts';

/** Text that is HTML already. */
export interface Markup {
  readonly html: string;
}

/** What a template takes: text is escaped, markup is not, nothing stands for `undefined` and `false`. */
export type Content = string | number | Markup | undefined | false | readonly Content[];

/** A template whose values are escaped, so that nothing of a Dockerfile becomes a tag or an attribute. */
export function html(strings: TemplateStringsArray, ...values: readonly Content[]): Markup {
  let text = strings[0] ?? '';
  values.forEach((value, index) => {
    text += render(value) + (strings[index + 1] ?? '');
  });
  return { html: text };
}

/** Text as it stands between tags and between the quotes of an attribute. */
function escapeHtml(text: string): string {
  return visible(text).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

function render(value: Content): string {
  if (value === undefined || value === false) return '';
  if (typeof value === 'string') return escapeHtml(value);
  if (typeof value === 'number') return String(value);
  if ('html' in value) return value.html;
  return value.map(render).join('');
}
