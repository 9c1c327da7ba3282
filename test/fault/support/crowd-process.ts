// A crowd in a process of its own, with a clock of its own: says its process id, begins at a line
// on its standard input, ends at the next, and reports in one line of JSON. In between it says when
// twenty have paid.
import { createInterface } from 'node:readline'
import { FlashSale, redisEngine } from '../../../src/index.js'
import { Crowd, learnRules } from './crowd.js'
import type { Report } from './orders.js'

export interface CrowdConfig {
  readonly url: string
  readonly sale: string
  readonly name: string
  readonly limit: number
  readonly deadlineMs: number
  readonly shoppers: number
  /** By how much the clock on this machine's wall is wrong. */
  readonly shiftMs: number
}

/** First the process id, then that twenty have paid, then what happened. */
export type CrowdWords = { readonly pid: number } | { readonly paid: number } | Report

const { url, sale, shiftMs, ...rest } = JSON.parse(process.argv[2]!) as CrowdConfig

const real = Date
globalThis.Date = class extends real {
  constructor(...given: ConstructorParameters<typeof real> | []) {
    if (given.length === 0) super(real.now() + shiftMs)
    else super(...given)
  }
  static override now() {
    return real.now() + shiftMs
  }
} as DateConstructor

const engine = redisEngine(url)
const handle = new FlashSale(sale, { engine, deadlineMs: rest.deadlineMs })
await learnRules(handle)
const crowd = new Crowd({ ...rest, handles: [handle] })
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
console.log(JSON.stringify({ pid: process.pid }))
await lines.next()
crowd.start()
void crowd.hears('confirmed', 20).then(() => console.log(JSON.stringify({ paid: 20 })))
await lines.next()
await crowd.stop()
const { orders, calls } = crowd
console.log(JSON.stringify({ orders, calls }))
await handle.close()
await engine.close()
process.stdin.destroy()
