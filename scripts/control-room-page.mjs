// The script and the style of the control room's page, for what bundles src/control-room: the
// build, the tests, and programs of this repository.
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
  const { outputFiles } = buildSync({
    entryPoints: [join(root, 'src/control-room/page/main.ts')],
    bundle: true,
    write: false,
    outdir: 'page',
    platform: 'browser',
    format: 'iife',
    target: 'es2022',
    charset: 'utf8',
    minify: true,
    // The licences of packages go where their code goes.
    legalComments: 'inline',
    logLevel: 'error',
  })
  const output = (extension) => outputFiles.find(({ path }) => path.endsWith(extension)).text
  return JSON.stringify({ script: output('.js'), style: output('.css') })
}
