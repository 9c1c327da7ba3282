import { count, seconds } from '../../lib/terminal/format.js'
import type { Row } from '../../lib/terminal/sections.js'
import type { LaunchOptions } from '../options.js'
import type { DoorLedger } from './door-ledger.js'
import type { DoorView } from './door-view.js'

export function doorRows({ rate }: LaunchOptions, told: DoorLedger, view: DoorView): Row[] {
  const { achieved } = view
  return [
    ['visitors', count(told.visitors)],
    ['  admitted', count(told.admitted)],
    ['  turned away: sold out', count(told.turnedAway)],
    ['  left the line', count(told.left)],
    ['  never came back', count(told.vanished)],
    ['joined again', count(told.joins - told.visitors)],
    ['  and turned away', count(told.turnedAwayAgain)],
    ['passes given', count(told.passes)],
    ['came too late for their turn', count(view.missed)],
    ['looks at the door', count(told.looks)],
    ['forged or borrowed, refused', count(told.forged.refused)],
    ['forged or borrowed, accepted', count(told.forged.accepted)],
    ['reservations without a pass', count(told.withoutPass)],
    ['admitted twice', count(told.doubled)],
    ['rate asked, per second', count(rate)],
    ['rate achieved', achieved ? count(achieved.perSecond) : '-'],
    ...(achieved
      ? ([
          ['  slowest second', count(achieved.slowest)],
          ['  fastest second', count(achieved.fastest)],
          ['  decided for', seconds(achieved.ms)],
        ] as Row[])
      : []),
  ]
}
