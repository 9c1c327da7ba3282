// The script and the style of a page, each in one text: for the control room and for reports.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildSync } from 'esbuild'

/** @param entry The page's module, from the root of the repository. */
export function bundlePage(root, entry) {
  const { outputFiles, metafile } = buildSync({
    entryPoints: [join(root, entry)],
    bundle: true,
    write: false,
    outdir: 'page',
    platform: 'browser',
    format: 'iife',
    target: 'es2022',
    charset: 'utf8',
    minify: true,
    // uPlot formats numbers in the language of the browser, which Intl may refuse: under LANG=C
    // Chromium tells `en-US@posix`. The pages themselves are in English.
    define: { navigator: JSON.stringify({ language: 'en-US' }) },
    metafile: true,
    logLevel: 'error',
  })
  const notices = noticesOf(root, Object.keys(metafile.inputs))
  const output = (extension) => notices + outputFiles.find(({ path }) => path.endsWith(extension)).text
  return { script: output('.js'), style: output('.css') }
}

/** The licences of packages go where their code goes. */
function noticesOf(root, inputs) {
  const names = inputs.flatMap((input) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1] ?? [])
  const notice = (name) =>
    `/*! ${name}\n\n${readFileSync(join(root, 'node_modules', name, 'LICENSE'), 'utf8')}*/\n`
  return [...new Set(names)].map(notice).join('')
}
