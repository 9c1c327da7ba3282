/** In place of the application of `npm run soak`: the seed says what goes wrong in it. */
import { EventEmitter } from 'node:events'
import { watchProcess } from '../../scripts/soak/application/watch-process.js'
import type { FromApplication, ToApplication } from '../../scripts/soak/messages.js'

const say = (word: FromApplication) => process.send!(word)
watchProcess((why) => say({ type: 'broken', why }))

const trouble: Record<number, () => unknown> = {
  1: () => void Promise.reject(new Error('not awaited')),
  2: () =>
    setTimeout(() => {
      throw new Error('not caught')
    }),
  3: () => {
    const emitter = new EventEmitter()
    for (let listeners = 0; listeners < 11; listeners++) emitter.on('ready', () => {})
  },
  4: () => process.exit(7),
  // A timer that outlives everything that was closed.
  5: () => setInterval(() => {}, 1_000),
}

process.on('message', (order: ToApplication) => {
  if (order.type === 'start') {
    trouble[order.seed]?.()
    say({ type: 'ready' })
  }
  if (order.type === 'sample') say({ type: 'sampled', report: { sample: {}, answers: {}, sales: [] } })
  if (order.type === 'stop') process.disconnect()
})
