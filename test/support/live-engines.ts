import { describe, onTestFinished } from 'vitest'
import type { Engine } from '../../src/engine/engine.js'
import { FlashSale, memoryEngine, redisEngine, type SaleRules } from '../../src/index.js'
import { onRedis } from './engines.js'

/** A sale whose clock runs, and handles on it, each with an engine of its own. */
export interface LiveSale {
  readonly sale: FlashSale
  engine(): Engine
  handle(engine?: Engine): FlashSale
}

export type OpenLive = (rules?: Partial<SaleRules>) => Promise<LiveSale>

let sales = 0

/** The same suite over both engines, by their own clocks. */
export function onLiveEngines(suite: (open: OpenLive) => void): void {
  const opener =
    (makeEngine: () => () => Engine): OpenLive =>
    async (rules = {}) => {
      const id = `live-${++sales}`
      const engine = makeEngine()
      const handle = (its = engine()) => {
        const sale = new FlashSale(id, { engine: its, deadlineMs: 5_000 })
        onTestFinished(() => sale.close())
        return sale
      }
      const sale = handle()
      await sale.create({ stock: { a: 1_000_000 }, ...rules })
      return { sale, engine, handle }
    }
  describe('memory engine', () => {
    suite(
      opener(() => {
        const engine = memoryEngine()
        return () => engine
      }),
    )
  })
  onRedis('redis engine', (kind) => suite(opener(() => () => redisEngine(kind.client()))))
}
