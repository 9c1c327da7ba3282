import { LAYOUT } from '../engine/layout.js'
import type { Incompatible } from '../engine/port.js'

/** The reply to a command whose data, if there is any, has another layout than this version's. */
export function incompatible(
  stored: { readonly layout: number } | undefined,
  now: number,
  part: Incompatible['part'] = 'itself',
): Incompatible | undefined {
  if (!stored || stored.layout === LAYOUT) return undefined
  return { outcome: 'incompatible', now, layout: stored.layout, part }
}
