import { setImmediate as turn } from 'node:timers/promises'
import { checkInteger, checkOptions } from '../check.js'
import type { Engine } from '../engine/engine.js'
import { memoryEngine } from '../engine/memory/memory-engine.js'
import { Agenda } from './simulator/agenda.js'
import { EPOCH } from './simulator/server.js'

/** A memory engine for which time passes only when it is told to. */
export interface VirtualEngine {
  readonly engine: Engine
  /** The time, epoch ms, as a sale on this engine sees it. */
  now(): number
  /** Lets so many ms pass: holds lapse, deadlines end, whatever fell due on the way has been done. Takes no real time. */
  advance(ms: number): Promise<void>
}

/** Turns of the event loop until a timer's request has been answered, and the answer heard. */
const TURNS = 3

/**
 * The memory engine on a clock of its own: stock, holds, deadlines and sweeps of every sale and room on it go by that, and none by the
 * process' timers. A test of ten minutes takes none.
 *
 * @param options `now`: when it begins, epoch ms. @default 2026-01-01
 */
export function virtualEngine(options: { now?: number | undefined } = {}): VirtualEngine {
  const given = checkOptions(options, 'options', { now: true }).now ?? EPOCH
  const start = checkInteger(given, 'now', 0, 8_640_000_000_000_000)
  const agenda = new Agenda()
  const now = () => start + agenda.now
  const memory = memoryEngine({ now })
  const timing: Engine['timing'] = {
    now: () => agenda.now,
    random: Math.random,
    after: (ms, callback) => {
      const { cancel } = agenda.after(ms, callback)
      return { cancel, keepAlive: () => {} }
    },
  }
  return {
    engine: {
      elapsed: () => agenda.now,
      timing,
      isLocal: true,
      partition: (sale, index, partitions) => memory.partition(sale, index, partitions),
      room: (name) => memory.room(name),
      handoff: (...place) => memory.handoff(...place),
      close: () => memory.close(),
    },
    now,
    async advance(ms) {
      const end = agenda.now + checkInteger(ms, 'ms', 0, 8_640_000_000_000_000)
      let over = false
      agenda.after(end - agenda.now, () => {
        over = true
      })
      const settle = async () => {
        for (let i = 0; i < TURNS; i++) await turn()
      }
      await settle()
      while (!over) {
        // One thing at a time: it is asked before each whether that was all.
        let asked = 0
        await agenda.play(() => asked++ > 0)
        await settle()
      }
    },
  }
}
