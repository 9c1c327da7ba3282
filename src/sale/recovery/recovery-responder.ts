import type { LogOffset } from '../../engine/port.js'
import { invalid, isLost } from '../../errors.js'
import type { OpenHandle, Responder, Resume } from '../../heartbeat/open-handle.js'
import type { SignalOption } from '../../validation.js'
import type { SaleClient } from '../sale-client.js'
import { type Recovered, type RecoveringHandle, recoverInSession } from './recover-sale.js'
import { answerText, failureText, type RecoveryBody, testimonyOf } from './recovery-request.js'
import { RecoverySession } from './recovery-session.js'
import { latestGenerations, type Unfreeze } from './unfreeze.js'

/** A handle of a sale, as the heartbeat knows it. */
export type RecoverableHandle = OpenHandle & { readonly recovering: RecoveringHandle }

/** The handle has seen nothing of what is lost: it has found no sale, or one that was removed. */
function isUnconcerned({ partitions, removal }: SaleClient): boolean {
  return partitions.incarnation === null || removal?.isRemoved === true
}

/** Recovers in this process what a request asks for. */
export const recoveryResponder: Responder = {
  async answer(handles, body, isEarly) {
    const { recovers, paused = false } = body as RecoveryBody
    if (recovers !== 'accept' && recovers !== 'replay')
      throw invalid('recovery', 'is of a kind that this version does not know')
    const recoveries: Recovered[] = []
    const histories: (readonly LogOffset[])[] = []
    let resume: Resume | undefined
    let counts = false
    let forgotten = 0
    for (const handle of handles) {
      const { client, acknowledged } = recoveringOf(handle)
      if (isUnconcerned(client)) continue
      const { isSelling } = acknowledged
      const recovered = await recoverPresent(recoveringOf(handle), recovers)
      if (!recovered) continue
      const { recovery, session } = recovered
      counts ||= isSelling && isEarly(handle)
      recoveries.push(recovery)
      histories.push(session.recovered)
      for (const [index, generation] of latestGenerations(client).entries())
        if (generation > session.recovered[index]!.generation) forgotten = Math.max(forgotten, generation)
      resume = resumeBy(session.unfreezing(paused))
    }
    return { text: answerText(recoveries, histories, forgotten), counts, resume }
  },
  failure: failureText,
  look(handles, body) {
    const clients = handles.map((handle) => recoveringOf(handle).client)
    const client = clients.find((one) => !isUnconcerned(one)) ?? clients[0]!
    return lookAtSale(client, (body as RecoveryBody).paused === true)
  },
}

function recoveringOf(handle: OpenHandle): RecoveringHandle {
  return (handle as RecoverableHandle).recovering
}

/** `undefined`: the handle hears now that its sale was removed. */
async function recoverPresent(handle: RecoveringHandle, from: RecoveryBody['recovers']) {
  try {
    return await recoverInSession(handle, { from, unfreeze: false, paused: false })
  } catch (error) {
    if (handle.client.removal?.isRemoved) return undefined
    throw error
  }
}

/**
 * Looks at a sale that others recover, and resumes it if nothing of what was seen then, and of what
 * they have recovered, is lost.
 *
 * @param paused It is paused before.
 */
export async function lookAtSale(
  client: SaleClient,
  paused: boolean,
  options?: SignalOption,
): Promise<Resume> {
  const book = client.known ?? (await client.learn(client.call(options)))
  const session = new RecoverySession(client, book, options)
  await session.look()
  return resumeBy(session.unfreezing(paused))
}

function resumeBy(unfreeze: Unfreeze): Resume {
  return async (answers) => {
    try {
      await unfreeze(testimonyOf(answers))
      return true
    } catch (error) {
      if (isLost(error)) return false
      throw error
    }
  }
}
