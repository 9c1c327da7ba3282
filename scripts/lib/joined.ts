import type { JoinedQueue, JoinResult } from '../../src/index.js'

/** The result of a join in a room in which no buyer is blocked. */
export async function joined(join: Promise<JoinResult>): Promise<JoinedQueue> {
  const result = await join
  if (result.status !== 'joined') throw new Error(`The buyer is ${result.status}.`)
  return result
}
