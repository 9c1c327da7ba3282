import { setTimeout as delay } from 'node:timers/promises'
import { runTool, type ToolContext } from '../lib/run-tool.js'
import { help } from './help.js'
import { launch } from './launch/launch.js'
import { type DemoOptions, readOptions } from './options.js'
import { readOrders } from './orders/read.js'
import { replay } from './orders/replay.js'
import { openStore } from './store.js'

/** How long Ctrl-C waits for a server that may be the reason for it. ms */
const CLOSE_LIMIT = 3_000

await runTool({ command: 'npm run demo', help, readOptions, run })

async function run(options: DemoOptions, { terminal, cleanUp, interrupted }: ToolContext): Promise<number> {
  const file = 'orders' in options ? await readOrders(options.orders) : undefined
  const store = await openStore(options.store, console.log)
  cleanUp(() => Promise.race([store.close(), delay(CLOSE_LIMIT)]))
  try {
    const good =
      'launch' in options
        ? await launch(options.launch, store, terminal, interrupted)
        : await replay(options.orders, file!, store, terminal)
    const left = await store.close()
    if (left) console.log(left)
    return good ? 0 : 1
  } catch (error) {
    // The first error is the one to be told.
    await store.close().catch(() => {})
    throw error
  }
}
