import type { HeartbeatCommands, HeartbeatPort } from '../engine/heartbeat.js'
import type { Final } from '../engine/port.js'
import { NotReadyError } from '../errors.js'

type Answer<C extends keyof HeartbeatCommands> = Final<HeartbeatCommands[C]['answer']>

/**
 * Asks the port. It has no deadline: a beat that is late says the same, and while it waits no other
 * one is sent.
 *
 * @returns The answers, and the server's time.
 */
export async function askEach<C extends keyof HeartbeatCommands>(
  port: HeartbeatPort,
  command: C,
  ops: readonly HeartbeatCommands[C]['op'][],
): Promise<{ readonly answers: readonly Answer<C>[]; readonly now: number }> {
  const call = { incarnation: null, deadline: Number.MAX_SAFE_INTEGER, minTime: 0 }
  for (;;) {
    await port.ready()
    try {
      const reply = await port.run(command, ops, call)
      if (reply.outcome !== 'done') throw new Error('unreachable')
      return { answers: reply.answers as readonly Answer<C>[], now: reply.now }
    } catch (error) {
      if (!(error instanceof NotReadyError)) throw error
    }
  }
}

/** Asks the port one item. */
export async function ask<C extends keyof HeartbeatCommands>(
  port: HeartbeatPort,
  command: C,
  op: HeartbeatCommands[C]['op'],
): Promise<{ readonly answer: Answer<C>; readonly now: number }> {
  const { answers, now } = await askEach(port, command, [op])
  return { answer: answers[0]!, now }
}
