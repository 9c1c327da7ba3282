// The script and the style of the control room's page, for what bundles src/control-room: the
// build, the tests, and programs of this repository.
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildSync } from 'esbuild'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** The module that contains the page. */
export const PAGE_MODULE = 'src/control-room/page-assets.ts'

let bundled

/** The value of CONTROL_ROOM_PAGE, as JSON. */
export function controlRoomPage() {
  bundled ??= bundlePage()
  return bundled
}

function bundlePage() {
  const { outputFiles, metafile } = buildSync({
    entryPoints: [join(root, 'src/control-room/page/main.ts')],
    bundle: true,
    write: false,
    outdir: 'page',
    platform: 'browser',
    format: 'iife',
    target: 'es2022',
    charset: 'utf8',
    minify: true,
    // uPlot formats numbers in the language of the browser, which Intl may refuse: under LANG=C
    // Chromium tells `en-US@posix`. The page itself is in English.
    define: { navigator: JSON.stringify({ language: 'en-US' }) },
    metafile: true,
    logLevel: 'error',
  })
  const notices = noticesOf(Object.keys(metafile.inputs))
  const output = (extension) => notices + outputFiles.find(({ path }) => path.endsWith(extension)).text
  return JSON.stringify({ script: output('.js'), style: output('.css') })
}

/** The licences of packages go where their code goes. */
function noticesOf(inputs) {
  const names = inputs.flatMap((input) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1] ?? [])
  const notice = (name) =>
    `/*! ${name}\n\n${readFileSync(join(root, 'node_modules', name, 'LICENSE'), 'utf8')}*/\n`
  return [...new Set(names)].map(notice).join('')
}
