// Buyers in a process of their own: reads a line of JSON with those it is to ask for, writes a line
// for each who has an answer, and one when all have. It may be told to die at a step of its own.
import { createInterface } from 'node:readline'
import { Cluster } from 'ioredis'
import type { Command, Engine, Op, Reply } from '../../../src/engine/engine.js'
import { FlashSale, redisEngine } from '../../../src/index.js'
import { withPartitions } from '../../support/wrapped-engine.js'
import { type Buyer, Buyers, type Calls, type End } from './buyers.js'

/** Where a process ends, by `kill -9`. */
export interface Step {
  readonly command: 'reserve' | 'send' | 'receive'
  /** `before` the command is sent, or `after` it was executed and before anybody hears of it. */
  readonly moment: 'before' | 'after'
  /**
   * At the first, the second, ... such command. Of `send` only those count that sent something, and
   * `after` a reserve only those that reserved.
   */
  readonly number: number
}

export interface BuyersConfig {
  readonly nodes: readonly { readonly host: string; readonly port: number }[]
  readonly sale: string
  readonly deadlineMs: number
  readonly atOnce: number
  readonly dies?: Step
}

/** `begun`, then the ends; and after the last of those asked for together, how all calls went. */
export type BuyersWords = { readonly begun: number } | End | Calls

const { nodes, sale, deadlineMs, atOnce, dies } = JSON.parse(process.argv[2]!) as BuyersConfig

function mortal(engine: Engine, step: Step): Engine {
  let executed = 0
  const die = () => {
    process.kill(process.pid, 'SIGKILL')
    return new Promise<never>(() => {})
  }
  const counts = <C extends Command>(ops: readonly Op<C>[], reply: Reply<C>) => {
    if (reply.outcome !== 'done') return false
    if (step.command === 'reserve' && step.moment === 'after')
      return reply.answers.some(({ status }) => status === 'reserved')
    if (step.command !== 'send') return true
    return ops.some((op) => (op as Op<'send'>).wants.length > 0) && reply.answers.some(hasSent)
  }
  const hasSent = (answer: unknown) => (answer as { sent: unknown[] }).sent.length > 0
  return withPartitions(engine, (port) => ({
    async run(command, ops, call) {
      if (command !== step.command) return port.run(command, ops, call)
      if (step.moment === 'before' && executed + 1 === step.number) await die()
      const reply = await port.run(command, ops, call)
      if (counts(ops, reply) && ++executed === step.number && step.moment === 'after') await die()
      return reply
    },
  }))
}

function say(words: BuyersWords): void {
  console.log(JSON.stringify(words))
}

const client = new Cluster([...nodes])
client.on('error', () => {})
const engine = redisEngine(client)
const handle = new FlashSale(sale, { engine: dies ? mortal(engine, dies) : engine, deadlineMs })
await handle.stats()
const buyers = new Buyers(handle, deadlineMs, { atOnce, onEnd: say })
say({ begun: process.pid })
for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'end') break
  await buyers.buy(JSON.parse(line) as Buyer[])
  say(buyers.calls)
}
await handle.close()
client.disconnect()
process.stdin.destroy()
