import type { Pace, RoomAnswer, RoomOp } from '../../engine/room.js'
import { type Room, retry, type Step } from './room-state.js'

export function describe(room: Room): RoomAnswer<'describe'> {
  const { rules, token, commitment } = room
  return { status: 'described', rules, token, commitment }
}

export function control(room: Room, op: RoomOp<'control'>, { now, overdue }: Step): RoomAnswer<'control'> {
  const before = room.bucket.pace
  const pace = op.action === 'pace' ? { rate: op.rate, burst: op.burst ?? before.burst } : before
  const paused = op.action === 'pace' ? room.paused : op.action === 'pause'
  if (overdue) return paused !== room.paused || differ(pace, before) ? retry : { status: 'controlled' }
  room.moveOn(now)
  room.paused = paused
  room.bucket.setPace(pace)
  if (pace.rate !== before.rate) room.line.restartSpeed(room.presence.time)
  return { status: 'controlled' }
}

function differ(a: Pace, b: Pace): boolean {
  return a.rate !== b.rate || a.burst !== b.burst
}
