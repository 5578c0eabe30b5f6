/** The feedback page's looks, in light and dark, on paper and on a phone. */

export const feedbackStyle = `
:root {
  color-scheme: light dark;
  --page: #f6f6f3; --card: #ffffff; --ink: #1f2328; --quiet: #5c6470; --line: #dfe1e5; --code: #f3f4f6;
  --good: #2a8f4f; --some: #c98a00; --none: #d64545; --note: #fff6dd;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14171a; --card: #1c2024; --ink: #e6e8ea; --quiet: #9aa3ad; --line: #30363d; --code: #262b31;
    --good: #4cb86f; --some: #e0a93a; --none: #ec6a6a; --note: #33290d;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; padding: 2.5rem 1.25rem 4rem; background: var(--page); color: var(--ink);
  font: 16px/1.55 system-ui, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
}
main { max-width: 50rem; margin: 0 auto; }
h1 { margin: 0; font-size: 1.7rem; line-height: 1.25; overflow-wrap: anywhere; }
h2 { margin: 2.6rem 0 .2rem; font-size: 1.25rem; }
.quiet { color: var(--quiet); }
.paper { margin: 0; font-size: .95rem; }
.total { display: flex; align-items: baseline; gap: .5rem; margin: 1.2rem 0 .5rem; }
.total b { font-size: 2.6rem; line-height: 1; font-weight: 650; font-variant-numeric: tabular-nums; }
.bar { display: block; height: .5rem; border-radius: .25rem; background: var(--line); overflow: hidden; }
.bar i { display: block; height: 100%; background: var(--good); }
.bar.some i { background: var(--some); }
table { width: 100%; margin: 1.5rem 0 0; border-collapse: collapse; }
td { padding: .45rem 0; border-top: 1px solid var(--line); }
td.points { text-align: right; white-space: nowrap; padding: 0 1rem; font-variant-numeric: tabular-nums; }
td.share { width: 30%; }
td a { color: inherit; text-decoration: none; }
td a:hover { text-decoration: underline; }
.card {
  margin: 1.1rem 0 0; padding: .55rem 1.25rem 1.05rem; background: var(--card);
  border: 1px solid var(--line); border-radius: .6rem; overflow-wrap: anywhere;
}
.card pre {
  margin: .35rem 0 !important; padding: .55rem .8rem !important; background: var(--code) !important;
  border-radius: .4rem; overflow-x: auto;
}
code, pre { font-family: ui-monospace, "SF Mono", Menlo, Consolas, monospace; font-size: .87em; }
.warning { border-left: 4px solid var(--some); }
.warning h3 { margin: .5rem 0; font-size: 1.1rem; }
.notes { margin: 1.1rem 0 0; padding: .7rem 1.25rem; background: var(--note); border-radius: .6rem; }
.notes p { margin: .15rem 0; }
footer { margin-top: 2.5rem; font-size: .9rem; }
@media (max-width: 36rem) { td.share { display: none; } td.points { padding-right: 0; } }
@media print {
  body { padding: 0; background: none; }
  .card { break-inside: avoid; }
}
`;
