import { isAway, isLost, isNotFound, isRolledBack } from '../../errors.js'
import type { SignalOption } from '../../validation.js'
import { readAll } from '../fan-out.js'
import type { Recovery } from '../results.js'
import type { SaleClient } from '../sale-client.js'
import { mostRestrictive } from '../totals.js'

/** In which state a recovery has left the sale. */
export async function stateAfter(client: SaleClient, options?: SignalOption): Promise<Recovery['state']> {
  try {
    const call = client.call(options)
    await client.learn(call)
    return await client.fanOut(async (parts) =>
      mostRestrictive(
        await readAll(parts.count, (index) =>
          parts.ask(index, 'stats', { skus: [] }, call, ({ status }) => status),
        ),
      ),
    )
  } catch (error) {
    if (isRolledBack(error)) return 'frozen'
    if (isLost(error) || isNotFound(error)) return 'lost'
    // What was recovered is told all the same.
    if (isAway(error)) return 'unknown'
    throw error
  }
}
