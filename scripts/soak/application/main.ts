/** The process under test: it does what the other one orders, and says what it finds. */
import type { Order, Word } from '../messages.js'
import { Application } from './application.js'
import { shown, watchProcess } from './watch-process.js'

/** For what hangs: no call and no handler takes so long once the faults are over. ms */
const SETTLE_LIMIT = 60_000

let app: Application | undefined

watchProcess(broken)
process.once('disconnect', () => process.exit(1))
process.on('message', (order: Order) => {
  obey(order).catch((error) => broken(shown(error)))
})

async function obey(order: Order): Promise<void> {
  switch (order.type) {
    case 'start':
      app = new Application(order)
      await app.open()
      return say({ type: 'ready' })
    case 'sell':
      return app!.sell(order.round, order.ms)
    case 'settle':
      return say({ type: 'settled', settled: await within(SETTLE_LIMIT, app!.settle()) })
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

function say(word: Word): void {
  if (process.connected) process.send!(word)
}
