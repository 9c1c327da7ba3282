import type { OpenHandle, RequestBody, Responder } from '../../heartbeat/open-handle.js'
import type { SignalOption } from '../../validation.js'
import type { Recovery } from '../results.js'
import type { SaleClient } from '../sale-client.js'
import { type RecoveringHandle, recoverSale } from './recover-sale.js'
import { answerText, failureText, type RecoveryBody } from './recovery-request.js'
import { RecoverySession } from './recovery-session.js'

/** A handle of a sale, as the heartbeat knows it. */
export type RecoverableHandle = OpenHandle & { readonly recovering: RecoveringHandle }

function isUnused(client: SaleClient): boolean {
  return client.partitions.incarnation === null
}

/** Recovers in this process what a request asks for. */
export const recoveryResponder: Responder = {
  async answer(handles, body) {
    const { recovers } = body as RecoveryBody
    const recoveries: Recovery[] = []
    for (const handle of recoveringOf(handles)) {
      if (isUnused(handle.client)) continue
      recoveries.push(await recoverSale(handle, { from: recovers, unfreeze: false }))
    }
    return answerText(recoveries)
  },
  counts: (handles) => recoveringOf(handles).some(({ acknowledged }) => acknowledged.isSelling),
  failure: failureText,
  async resume(handles: readonly OpenHandle[], _: RequestBody) {
    const [first] = recoveringOf(handles)
    await resumeSale(first!.client)
  },
}

function recoveringOf(handles: readonly OpenHandle[]): RecoveringHandle[] {
  return handles.map((handle) => (handle as RecoverableHandle).recovering)
}

/** Ends the freeze of a sale that was recovered. */
export async function resumeSale(client: SaleClient, options?: SignalOption): Promise<void> {
  const book = client.known ?? (await client.learn(client.call(options)))
  await new RecoverySession(client, book, options).unfreeze()
}
