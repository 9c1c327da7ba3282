import { join } from 'node:path'
import { build } from 'esbuild'
import { repositoryRoot } from '../../../scripts/lib/servers/machine.js'
import type { Report } from '../report.js'
import { verdictOf } from '../report.js'
import { Html, html } from './html.js'
import { environmentSection, partSection, targetsSection, verdictSection } from './sections.js'

/**
 * The whole report as one file: styles and scripts are in it, and nothing is asked of any network.
 */
export async function reportPage(report: Report): Promise<string> {
  const { script, style } = await assets()
  const { parts, createdAt, targets, environment } = report
  const day = new Date(createdAt).toUTCString()
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>stockhold bench: ${verdictOf(parts)}</title>
<style>${style}</style>
</head>
<body>
<header>
<h1>stockhold bench</h1>
<p class="quiet">${day}, Node ${environment.node.replace(/^v/, '')}, ${environment.redis.version}, ${environment.cpu.count} × ${environment.cpu.model}</p>
</header>
<main>
${verdictSection(report)}
${targetsSection(targets)}
<section aria-labelledby="parts">
<h2 id="parts">Parts</h2>
<nav aria-label="Parts">${parts.map(({ name }) => html`<a href="#part-${name}">${name}</a> `)}</nav>
${parts.map(partSection)}
</section>
${environmentSection(report)}
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
    entryPoints: [join(repositoryRoot(), 'bench/report/page/main.ts')],
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
