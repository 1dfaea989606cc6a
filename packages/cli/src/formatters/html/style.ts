/** Colours by meaning; a test holds the contrast of each text with its ground at 4.5:1 or more. */
export const lightColours: Readonly<Record<string, string>> = {
  ground: '#ffffff',
  raised: '#f6f7f9',
  line: '#d5d9de',
  text: '#1b1f24',
  faint: '#56606b',
  link: '#0a58b8',
  error: '#a9201a',
  'error-ground': '#fdecea',
  warning: '#764900',
  'warning-ground': '#fff3d4',
  info: '#0b4f8a',
  'info-ground': '#e8f1fb',
  ok: '#17632f',
  'ok-ground': '#e5f5e9',
  mark: '#ffe27a',
};

export const darkColours: Readonly<Record<string, string>> = {
  ground: '#14171b',
  raised: '#1d2126',
  line: '#3a4149',
  text: '#e8eaed',
  faint: '#a8b0b9',
  link: '#8ec1ff',
  error: '#ffa59d',
  'error-ground': '#431c19',
  warning: '#f5ca75',
  'warning-ground': '#372a0d',
  info: '#a3cdf7',
  'info-ground': '#132c45',
  ok: '#93dfaa',
  'ok-ground': '#14331e',
  mark: '#705a00',
};

function variables(colours: Readonly<Record<string, string>>): string {
  return Object.entries(colours)
    .map(([name, value]) => `--${name}:${value}`)
    .join(';');
}

/** The whole style of a report; the page asks nobody else for anything. */
export const style: string = `
:root{${variables(lightColours)};color-scheme:light dark;--mono:ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono","DejaVu Sans Mono",monospace}
@media screen and (prefers-color-scheme:dark){:root{${variables(darkColours)}}}
*{box-sizing:border-box}
html{scroll-padding-top:3.5rem;-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0;background:var(--ground);color:var(--text);font:1rem/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif}
header,main,footer{max-width:80rem;margin:0 auto;padding:0 1rem}
header{padding-top:1.75rem}
h1{font-size:1.75rem;line-height:1.2;margin:0 0 .35rem;text-wrap:balance}
h2{font-size:1.25rem;margin:2.5rem 0 .75rem}
h3{font-size:1rem;margin:0;font-weight:600;overflow-wrap:anywhere}
h4{font-size:.85rem;margin:1.25rem 0 .4rem;color:var(--faint);font-weight:600}
p{margin:.4rem 0}
a{color:var(--link);text-underline-offset:.15em}
:focus-visible{outline:2px solid var(--link);outline-offset:2px;border-radius:3px}
code,pre,.diff{font-family:var(--mono);font-size:.8125rem;line-height:1.5}
code{overflow-wrap:anywhere}
.faint{color:var(--faint)}
a .faint{color:inherit}
.vh{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.skip{position:absolute;left:-99rem}
.skip:focus{left:1rem;top:.5rem;background:var(--ground);padding:.5rem;z-index:3}

nav ul{display:flex;flex-wrap:wrap;gap:.25rem 1.25rem;list-style:none;margin:1rem 0 0;padding:0}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(13rem,100%),1fr));gap:.75rem;margin:1.25rem 0 0;padding:0;list-style:none}
.tile{border:1px solid var(--line);border-radius:.6rem;padding:.75rem .9rem;background:var(--raised)}
.tile b{display:block;font-size:1.5rem;line-height:1.25;font-variant-numeric:tabular-nums}
.tile .of{font-size:1rem;font-weight:400;color:var(--faint)}
.tile>span{color:var(--faint);font-size:.875rem}
.bar{height:.4rem;border-radius:.2rem;background:var(--line);margin:.5rem 0 .1rem;overflow:hidden}
.bar i{display:block;height:100%;background:var(--ok)}

.chip{display:inline-flex;gap:.35em;align-items:baseline;border-radius:1rem;padding:.05rem .55rem;font-size:.8125rem;font-weight:600;white-space:nowrap;font-variant-numeric:tabular-nums}
.chip.error{color:var(--error);background:var(--error-ground)}
.chip.warning{color:var(--warning);background:var(--warning-ground)}
.chip.info{color:var(--info);background:var(--info-ground)}
.chip.ok{color:var(--ok);background:var(--ok-ground)}
.chips{display:flex;flex-wrap:wrap;gap:.3rem}

.tools{display:flex;flex-wrap:wrap;gap:.5rem 1rem;align-items:center;margin:0 0 .75rem}
.tools input[type=search]{font:inherit;padding:.35rem .6rem;border:1px solid var(--line);border-radius:.4rem;background:var(--ground);color:inherit;min-width:min(20rem,100%)}
.tools button{font:inherit;font-size:.875rem;padding:.35rem .7rem;border:1px solid var(--line);border-radius:.4rem;background:var(--raised);color:inherit;cursor:pointer}
.tools label{display:inline-flex;gap:.4rem;align-items:center}
.tools .tools{margin:0}
form[hidden]{display:none}

table.list{width:100%;border-collapse:collapse;font-size:.9375rem}
.list caption{text-align:left;color:var(--faint);font-size:.875rem;padding-bottom:.5rem}
.list th,.list td{text-align:left;vertical-align:top;padding:.5rem .75rem;border-bottom:1px solid var(--line)}
.list thead th{position:sticky;top:0;z-index:1;background:var(--raised);font-size:.8125rem;color:var(--faint);border-bottom:1px solid var(--line)}
.list thead th:first-child{width:34%}
.rules thead th:first-child{width:55%}
.list tbody th{font-weight:400;overflow-wrap:anywhere}
.list .why{display:block;color:var(--faint);font-size:.8125rem;line-height:1.4;margin-top:.15rem;overflow-wrap:anywhere}
.list a.cell{text-decoration:none;color:inherit;display:block}
.list a.cell:hover .chip{text-decoration:underline}
.unit{display:none}
.number{font-variant-numeric:tabular-nums;white-space:nowrap}
body:has(#only:checked) .clear{display:none}

.file{border:1px solid var(--line);border-radius:.6rem;margin:0 0 .75rem;content-visibility:auto;contain-intrinsic-size:auto 3.5rem}
.file>details>summary,.rule>details>summary{cursor:pointer;padding:.65rem .9rem}
.rule>details>summary{list-style-position:inside}
.rule h3{display:inline}
.file>details>summary{display:flex;flex-wrap:wrap;gap:.35rem .9rem;align-items:center;justify-content:space-between}
.file>details>summary h3::before{content:"\\25B8";display:inline-block;width:1.1em;color:var(--faint)}
.file>details[open]>summary h3::before{content:"\\25BE"}
.file>details[open]>summary{border-bottom:1px solid var(--line)}
.inside{padding:.25rem .9rem .9rem}
.findings{list-style:none;margin:0;padding:0}
.finding{border-left:.25rem solid var(--line);padding:.1rem 0 .1rem .9rem;margin:1rem 0}
.finding.error{border-color:var(--error)}
.finding.warning{border-color:var(--warning)}
.finding.info{border-color:var(--info)}
.finding .head{margin:0;display:flex;flex-wrap:wrap;gap:.2rem .6rem;align-items:baseline;overflow-wrap:anywhere}
.finding .meta{margin:.15rem 0;font-size:.875rem;color:var(--faint);overflow-wrap:anywhere}
.finding .hint{margin:.35rem 0;font-size:.9375rem;overflow-wrap:anywhere}

.source{margin:.4rem 0;padding:.4rem 0;background:var(--raised);border-radius:.4rem;white-space:pre-wrap;overflow-wrap:anywhere;tab-size:4}
.source .l,.diff .l{display:block;position:relative;padding:0 .6rem 0 3.6rem;min-height:1.5em;white-space:pre-wrap;overflow-wrap:anywhere;tab-size:4}
.source .n,.diff .n{position:absolute;left:0;width:2.4rem;text-align:right;color:var(--faint);user-select:none}
.source mark{background:var(--mark);color:inherit;border-radius:2px}
.source .gap{padding-left:3.6rem;color:var(--faint)}

.diff{width:100%;border-collapse:collapse;table-layout:fixed;border:1px solid var(--line)}
.diff th{font:600 .8125rem/1.5 system-ui,sans-serif;text-align:left;padding:.35rem .6rem;background:var(--raised);color:var(--faint);border-bottom:1px solid var(--line)}
.diff td{padding:0;vertical-align:top}
.diff td+td,.diff th+th{border-left:1px solid var(--line)}
.diff del,.diff ins{display:block;text-decoration:none}
.diff del .l{background:var(--error-ground)}
.diff ins .l{background:var(--ok-ground)}
.diff del .l::before,.diff ins .l::before{position:absolute;left:2.8rem;font-weight:700}
.diff del .l::before{content:"\\2212";content:"\\2212" / "";color:var(--error)}
.diff ins .l::before{content:"+";content:"+" / "";color:var(--ok)}
.diff details summary{list-style:none;padding:.15rem .6rem .15rem 3.6rem;background:var(--raised);color:var(--faint);font:.8125rem/1.5 system-ui,sans-serif;cursor:pointer}

.diff details summary::-webkit-details-marker,.file>details>summary::-webkit-details-marker{display:none}
.diff details summary::before{content:"\\25B8";display:inline-block;width:1.1em;margin-left:-1.1em}
.diff details[open] summary::before{content:"\\25BE"}

.rule{border-bottom:1px solid var(--line)}
.rule p{max-width:48rem}
.rule pre{background:var(--raised);border-radius:.4rem;padding:.6rem .9rem;margin:.3rem 0;white-space:pre-wrap;overflow-wrap:anywhere}
.pair{display:grid;gap:0 1rem}
.pair>*{min-width:0}
footer{padding:2rem 1rem 3rem;color:var(--faint);font-size:.875rem}

@media (min-width:60rem),print{.pair{grid-template-columns:1fr 1fr}}
@media screen and (max-width:59.99rem){
.diff,.diff tbody,.diff tr,.diff td{display:block}
.diff thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.diff td+td{border-left:0}
.diff td.again{display:none}
}
@media screen and (max-width:44rem){
h1{font-size:1.4rem}
.tiles{grid-template-columns:1fr 1fr;gap:.5rem}
.tile.wide{grid-column:1/-1}
.list,.list caption,.list tbody,.list tr,.list th,.list td{display:block}
.list thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.list tr{padding:.7rem 0;border-bottom:1px solid var(--line)}
.list tr[hidden]{display:none}
.list th,.list td{padding:.1rem 0;border:0}
.list td{display:grid;grid-template-columns:7.5rem 1fr;gap:.5rem}
.list td::before{content:attr(data-label);content:attr(data-label) / "";color:var(--faint);font-size:.8125rem;padding-top:.1rem}
.list .clear td.number{display:none}
.list .unit{display:inline}
.list.rules td{display:inline-block;padding-right:.75rem;font-size:.875rem;vertical-align:baseline}
.list.rules td::before{content:none}
.list.rules td .chips{display:inline-flex}
.source .l,.diff .l,.source .gap{padding-left:2.9rem}
.source .n,.diff .n{width:1.7rem}
.diff del .l::before,.diff ins .l::before{left:2.05rem}
.diff details summary{list-style:none;padding-left:2.9rem}
.finding{padding-left:.7rem}
.inside{padding:.25rem .7rem .7rem}
}
@media print{
@page{margin:14mm 12mm}
body{font-size:9.5pt}
header,main,footer{max-width:none;padding-left:0;padding-right:0}
.tools,.skip,nav{display:none}
code,pre,.diff{font-size:7.5pt}
.list{font-size:9pt}
.list th,.list td{padding:.3rem .5rem}
.tiles{grid-template-columns:repeat(4,1fr)}
.tile b{font-size:1.2rem}
.tile>span,.chip,.list .why{font-size:8pt}
.list thead th{position:static}
.file{content-visibility:visible;border:0;border-top:1px solid var(--line);border-radius:0}
.file>details::details-content,.rule>details::details-content{content-visibility:visible;display:block;height:auto}
.file>details>summary{break-after:avoid}
.finding,.tile,.list tr,.rule pre{break-inside:avoid}
.source .l,.diff .l{padding-left:2.9rem}
.source .n,.diff .n{width:1.9rem}
.diff del .l::before,.diff ins .l::before{left:2.2rem}
h2,h4{break-after:avoid}
a{color:inherit;text-decoration:none}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}
}
`;
