/** The process under test: it carries out the orders of the other process. */
import type { FromApplication, ToApplication } from '../messages.js'
import { Application } from './application.js'
import { shown, watchProcess } from './watch-process.js'

/** After this time something hangs: no call or handler takes so long after the faults. ms */
const SETTLE_LIMIT = 60_000

let app: Application | undefined

watchProcess(broken)
process.once('disconnect', () => process.exit(1))
process.on('message', (order: ToApplication) => {
  carryOut(order).catch((error) => broken(shown(error)))
})

async function carryOut(order: ToApplication): Promise<void> {
  switch (order.type) {
    case 'start':
      app = new Application(order)
      await app.open()
      return say({ type: 'ready' })
    case 'sell':
      return app!.sell(order.round, order.ms)
    case 'sample':
      return say({ type: 'sampled', report: await within(SETTLE_LIMIT, app!.finishRound()) })
    case 'stop':
      await within(SETTLE_LIMIT, app!.close())
      // Nothing else may keep this process alive.
      process.removeAllListeners('disconnect')
      process.disconnect()
  }
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    const open = () => app!.calls.open || 'none'
    timer = setTimeout(() => reject(new Error(`not settled after ${ms} ms; open calls: ${open()}`)), ms)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

function broken(why: string): void {
  say({ type: 'broken', why })
}

function say(word: FromApplication): void {
  if (process.connected) process.send!(word)
}
