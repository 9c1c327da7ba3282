import type { Operator } from './options.js'

/** The page before its script has run. Everything else on it is made of texts, never of HTML. */
export function pageHtml({ role, name }: Operator): string {
  return `<!doctype html>
<html lang="en" data-role="${escaped(role)}" data-name="${escaped(name)}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Control room</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="control-room.css">
<script src="control-room.js" defer></script>
</head>
<body>
<header>
<h1>Control room</h1>
<p id="viewer"></p>
<p id="status" role="status">Connecting…</p>
</header>
<main id="main"><noscript><p>This page needs JavaScript.</p></noscript></main>
<div id="announcements" class="unseen" role="alert"></div>
<dialog id="dialog" aria-labelledby="dialog-title"></dialog>
</body>
</html>
`
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (char) => ENTITIES[char]!)
}
