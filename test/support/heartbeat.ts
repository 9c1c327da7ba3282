import type { HeartbeatCommands } from '../../src/engine/heartbeat.js'
import type { TimedEngine } from './engines.js'
import { askPort } from './removal.js'
import { type ClockedEngine, TestClock } from './test-clock.js'

/** Asks the port of the heartbeat one item. */
export function askHeartbeat<C extends keyof HeartbeatCommands>(
  { engine }: Pick<TimedEngine, 'engine'>,
  command: C,
  op: HeartbeatCommands[C]['op'],
  call?: { readonly deadline?: number },
): Promise<HeartbeatCommands[C]['answer']> {
  return askPort<HeartbeatCommands, C>(engine.heartbeat!, command, op, call)
}

/** The same engine as several processes have it, each with a heartbeat on one clock. */
export function processesOn(timed: TimedEngine, count: number): ClockedEngine[] {
  const clock = new TestClock()
  return Array.from({ length: count }, () => ({ ...timed, clock, engine: clock.drive(timed.engine, true) }))
}

/** Lets a time pass on the clock of the processes, and on that of the server, second by second. */
export async function pass({ clock, advance }: ClockedEngine, seconds: number): Promise<void> {
  for (let i = 0; i < seconds; i++) {
    await advance(1_000)
    await clock.advance(1_000)
  }
}
