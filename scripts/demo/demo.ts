import { setTimeout as delay } from 'node:timers/promises'
import { BadOption } from '../lib/options.js'
import { terminalOf } from '../lib/terminal/style.js'
import { launch } from './launch/launch.js'
import { type Options, readOptions } from './options.js'
import { readOrders } from './orders/read.js'
import { replay } from './orders/replay.js'
import { openStore, type Store } from './store.js'

let store: Store | undefined
let interrupted = false

process.exitCode = await main().catch(async (error: Error) => {
  // After Ctrl-C the requests under way fail, as they should; the handler ends the process.
  if (interrupted) await new Promise(() => {})
  if (!(error instanceof BadOption)) {
    console.error(`\nThe demo failed: ${error.message}`)
    // Many more requests may be under way, each with some patience left.
    process.exit(1)
  }
  console.error(`${error.message}\nTry: npm run demo -- --help`)
  return 2
})

async function main(): Promise<number> {
  const options: Options = readOptions(process.argv.slice(2))
  if ('help' in options) {
    console.log(options.help)
    return 0
  }
  const file = 'orders' in options ? await readOrders(options.orders) : undefined
  handleEnds()
  const terminal = terminalOf(process.stdout, process.env)
  store = await openStore(options.store, console.log)
  try {
    const good =
      'launch' in options
        ? await launch(options.launch, store, terminal)
        : await replay(options.orders, file!, store, terminal)
    const left = await store.close()
    if (left) console.log(left)
    return good ? 0 : 1
  } catch (error) {
    // What went wrong first is what is told.
    await store.close().catch(() => {})
    throw error
  }
}

/** Ctrl-C stops the server and removes the keys too; a second one does not wait for that. */
function handleEnds(): void {
  const leave = async (code: number) => {
    if (interrupted) process.exit(code)
    interrupted = true
    await Promise.race([store?.close().catch(() => {}), delay(3_000)])
    process.exit(code)
  }
  process.on('SIGINT', () => leave(130))
  process.on('SIGTERM', () => leave(143))
  process.on('SIGHUP', () => leave(129))
  // Piped into something that has read enough, such as head: a broken pipe fails every further write.
  process.stdout.on('error', () => {
    if (!interrupted) void leave(1)
  })
}
