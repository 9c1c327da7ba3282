import type { AdmissionRate, RoomAnswer, RoomOp } from '../../engine/room.js'
import { type Room, retry, type Step } from './room-state.js'

export function describe(room: Room): RoomAnswer<'describe'> {
  const { rules, incarnation, commitment } = room
  return { status: 'described', rules, incarnation, commitment }
}

export function control(room: Room, op: RoomOp<'control'>, { now, overdue }: Step): RoomAnswer<'control'> {
  const before = room.tokenBucket.pace
  const pace = op.action === 'pace' ? { rate: op.rate, burst: op.burst ?? before.burst } : before
  const paused = op.action === 'pace' ? room.paused : op.action === 'pause'
  if (overdue) return paused !== room.paused || differ(pace, before) ? retry : { status: 'controlled' }
  room.moveOn(now)
  room.paused = paused
  room.tokenBucket.setPace(pace)
  if (pace.rate !== before.rate) room.queue.restartSpeed(room.presence.time)
  return { status: 'controlled' }
}

function differ(a: AdmissionRate, b: AdmissionRate): boolean {
  return a.rate !== b.rate || a.burst !== b.burst
}
