import { bundlePage } from '../../bundle-page.mjs'
import { repositoryRoot } from '../servers/machine.js'
import { Html, html } from './html.js'

export interface ReportDocument {
  readonly heading: string
  /** The result in one sentence. */
  readonly verdict: string
  /** When and where, in one line. */
  readonly about: string
  readonly main: Html
}

/**
 * A report as one file: styles and scripts are in it, and nothing is asked of any network.
 */
export function reportDocument({ heading, verdict, about, main }: ReportDocument): string {
  const { script, style } = assets()
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>${heading}: ${verdict}</title>
<style>${style}</style>
</head>
<body>
<header>
<h1>${heading}</h1>
<p class="quiet">${about}</p>
</header>
<main>
${main}
</main>
<script>${script}</script>
</body>
</html>
`
  return page.text
}

let bundled: { readonly script: Html; readonly style: Html } | undefined

/** The script and style of the page, with those of the charts' library in them. */
function assets(): { readonly script: Html; readonly style: Html } {
  if (!bundled) {
    const { script, style } = bundlePage(repositoryRoot(), 'scripts/lib/report/page/main.ts')
    bundled = { script: new Html(script), style: new Html(style) }
  }
  return bundled
}
