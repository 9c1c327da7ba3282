import { count, seconds } from '../../../src/cli/terminal/format.js'
import type { Row } from '../../lib/terminal/sections.js'
import type { LaunchOptions } from '../options.js'
import type { ExpectedAdmissions } from './expected-admissions.js'
import type { RoomView } from './room-view.js'

export function roomRows({ rate }: LaunchOptions, told: ExpectedAdmissions, view: RoomView): Row[] {
  const { achieved } = view
  return [
    ['visitors', count(told.visitors)],
    ['  admitted', count(told.admitted)],
    ['  turned away: sold out', count(told.turnedAway)],
    ['  left the queue', count(told.left)],
    ['  never came back', count(told.vanished)],
    ['joined again', count(told.joins - told.visitors)],
    ['  and turned away', count(told.turnedAwayAgain)],
    ['passes given', count(told.passes)],
    ['missed their turn', count(view.missed)],
    ['polls and updates', count(told.polls)],
    ['forged or borrowed, refused', count(told.forged.refused)],
    ['forged or borrowed, accepted', count(told.forged.accepted)],
    ['reservations without a pass', count(told.withoutPass)],
    ['admitted twice', count(told.doubled)],
    ['rate set, per second', count(rate)],
    ['rate achieved', achieved ? count(achieved.perSecond) : '-'],
    ...(achieved
      ? ([
          ['  slowest second', count(achieved.slowest)],
          ['  fastest second', count(achieved.fastest)],
          ['  measured for', seconds(achieved.ms)],
        ] as Row[])
      : []),
  ]
}
