import type { Inspection } from './inspection.js'
import type { Recovered } from './results.js'

/** What a recovery has left. The sale is recovered, whatever becomes of these questions. */
export async function leftByRecovery(
  inspection: Inspection,
  target: string,
): Promise<Pick<Recovered, 'skus' | 'lostRooms'>> {
  const all = await inspection.list().catch(() => [])
  const lostRooms = all.filter(({ kind, state }) => kind === 'room' && state === 'lost').map(({ id }) => id)
  const shown = await inspection.show(target).catch(() => undefined)
  return { skus: shown?.kind === 'sale' ? shown.skus : null, lostRooms }
}
