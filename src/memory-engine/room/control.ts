import type { AdmissionRate, RoomAnswer, RoomOp } from '../../engine/room.js'
import { type Room, retry, type Step } from './room-state.js'

export function describe(room: Room): RoomAnswer<'describe'> {
  const { created: rules, incarnation, commitment } = room
  return { status: 'described', rules, incarnation, commitment }
}

export function update(room: Room, op: RoomOp<'update'>, { now, overdue }: Step): RoomAnswer<'update'> {
  if (!overdue) room.moveOn(now)
  const before = room.rules
  const tiers = op.tiers ?? before.tiers
  const opensAt = op.opensAt ? op.opensAt.to : before.opensAt
  if (before.tiers.some((name) => !tiers.includes(name))) return { status: 'missing_tier' }
  const isSame = tiers.length === before.tiers.length && tiers.every((name, i) => name === before.tiers[i])
  const replayed = isSame && opensAt === before.opensAt
  if (overdue && !replayed) return retry
  if (!replayed) room.update({ ...before, opensAt, tiers: isSame ? before.tiers : tiers }, now)
  return { status: 'updated', revision: room.revision, replayed }
}

export function control(room: Room, op: RoomOp<'control'>, { now, overdue }: Step): RoomAnswer<'control'> {
  const before = room.tokenBucket.pace
  const pace = op.action === 'pace' ? { rate: op.rate, burst: op.burst ?? before.burst } : before
  const paused = op.action === 'pace' ? room.paused : op.action === 'pause'
  if (overdue) return paused !== room.paused || differ(pace, before) ? retry : { status: 'controlled' }
  room.moveOn(now)
  room.paused = paused
  room.tokenBucket.setPace(pace)
  if (pace.rate !== before.rate) room.tiers.restartSpeed(room.presence.time)
  return { status: 'controlled' }
}

function differ(a: AdmissionRate, b: AdmissionRate): boolean {
  return a.rate !== b.rate || a.burst !== b.burst
}
