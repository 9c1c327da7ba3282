import { join } from 'node:path'
import { build } from 'esbuild'
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
export async function reportDocument({ heading, verdict, about, main }: ReportDocument): Promise<string> {
  const { script, style } = await assets()
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

let bundled: Promise<{ script: Html; style: Html }> | undefined

/** The script and style of the page, with those of the charts' library in them. */
function assets(): Promise<{ script: Html; style: Html }> {
  bundled ??= bundle()
  return bundled
}

async function bundle(): Promise<{ script: Html; style: Html }> {
  const { outputFiles } = await build({
    entryPoints: [join(repositoryRoot(), 'scripts/lib/report/page/main.ts')],
    bundle: true,
    write: false,
    outdir: 'page',
    platform: 'browser',
    format: 'iife',
    target: 'es2022',
    minify: true,
    // The licence of the charts' library goes where its code goes.
    legalComments: 'inline',
    logLevel: 'error',
  })
  const output = (extension: string) =>
    new Html(outputFiles.find(({ path }) => path.endsWith(extension))!.text)
  return { script: output('.js'), style: output('.css') }
}
