import { LAYOUT } from '../engine/layout.js'
import type { Incompatible } from '../engine/port.js'

/** The reply to a command whose data is stored in another layout than this version's. */
export function incompatible(
  { layout }: { readonly layout: number },
  now: number,
  part: Incompatible['part'] = 'itself',
): Incompatible | undefined {
  return layout === LAYOUT ? undefined : { outcome: 'incompatible', now, layout, part }
}
