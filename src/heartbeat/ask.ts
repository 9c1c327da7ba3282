import type { HeartbeatCommands, HeartbeatPort } from '../engine/heartbeat.js'
import type { Final } from '../engine/port.js'
import { NotReadyError } from '../errors.js'

/**
 * Asks the port one item. It has no deadline: a beat that is late says the same, and while it waits
 * no other one is sent.
 *
 * @returns The answer, and the server's time.
 */
export async function ask<C extends keyof HeartbeatCommands>(
  port: HeartbeatPort,
  command: C,
  op: HeartbeatCommands[C]['op'],
): Promise<{ readonly answer: Final<HeartbeatCommands[C]['answer']>; readonly now: number }> {
  const call = { incarnation: null, deadline: Number.MAX_SAFE_INTEGER, minTime: 0 }
  for (;;) {
    await port.ready()
    try {
      const reply = await port.run(command, [op], call)
      if (reply.outcome !== 'done') throw new Error('unreachable')
      const [answer] = reply.answers
      return { answer: answer as Final<HeartbeatCommands[C]['answer']>, now: reply.now }
    } catch (error) {
      if (!(error instanceof NotReadyError)) throw error
    }
  }
}
