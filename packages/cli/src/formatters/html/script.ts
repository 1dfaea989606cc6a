/**
 * What a report does more where scripts run: a filter, opening what a link leads to, every file open in print.
 *
 * The page says the same without it.
 */
export const script: string = `
(() => {
  const form = document.getElementById('filter');
  const field = document.getElementById('words');
  const shown = document.getElementById('shown');
  const rows = [...document.querySelectorAll('tr[data-file]')];
  const articles = [...document.querySelectorAll('article.file')];
  const texts = rows.map((row) => row.textContent.toLowerCase());
  const open = (value) => articles.forEach((article) => { if (!article.hidden) article.firstElementChild.open = value; });
  const filter = () => {
    const words = field.value.toLowerCase().split(/\\s+/).filter(Boolean);
    let left = 0;
    rows.forEach((row, index) => {
      row.hidden = !words.every((word) => texts[index].includes(word));
      if (!row.hidden) left += 1;
      const article = document.getElementById(row.dataset.file);
      if (article) article.hidden = row.hidden;
    });
    shown.textContent = words.length ? left + ' of ' + rows.length + ' files' : '';
  };
  const follow = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    for (let at = target; at; at = at.parentElement) if (at.tagName === 'DETAILS') at.open = true;
    if (target.firstElementChild && target.firstElementChild.tagName === 'DETAILS') target.firstElementChild.open = true;
    target.scrollIntoView();
  };
  let closed = [];
  form.hidden = false;
  form.addEventListener('submit', (event) => event.preventDefault());
  field.addEventListener('input', filter);
  document.getElementById('open').addEventListener('click', () => open(true));
  document.getElementById('close').addEventListener('click', () => open(false));
  addEventListener('hashchange', follow);
  addEventListener('beforeprint', () => {
    closed = [...document.querySelectorAll('article > details:not([open])')];
    closed.forEach((element) => { element.open = true; });
  });
  addEventListener('afterprint', () => closed.forEach((element) => { element.open = false; }));
  filter();
  follow();
})();
`;
