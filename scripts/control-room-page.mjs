// The script and the style of the control room's page, for what bundles src/control-room: the
// build, the tests, and programs of this repository.
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundlePage } from './bundle-page.mjs'

/** The module that contains the page. */
export const PAGE_MODULE = 'src/control-room/page-assets.ts'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

let bundled

/** The value of CONTROL_ROOM_PAGE, as JSON. */
export function controlRoomPage() {
  bundled ??= JSON.stringify(bundlePage(root, 'src/control-room/page/main.ts'))
  return bundled
}
