import { type RoomState, TOKEN } from '../engine/room.js'
import type { AdmissionMessage } from '../telemetry/messages.js'
import type { RoomStats } from './results.js'
import type { KnownRoom, RoomClient } from './room-client.js'

/** The state of a room as its operator reads it. */
export function statsOf(state: RoomState, { rules, commitment }: KnownRoom): RoomStats {
  const { waiting, admitted, missedTurns, outstanding, capacity, pace } = state
  return {
    state: state.closed ?? (state.opened ? (state.paused ? 'paused' : 'open') : 'not_open'),
    waiting,
    admitted,
    missedTurns,
    outstanding,
    capacity,
    maxActive: rules.maxActive,
    ratePerSecond: pace.rate / 1_000,
    burst: pace.burst,
    tokens: state.tokens / TOKEN,
    turnsPerSecond: state.speed / 1_000,
    opensAt: state.opensAt,
    tiers: state.tiers.flatMap(({ name, waiting: inTier, drawn }) =>
      name === null ? [] : [{ tier: name, waiting: inTier, drawn }],
    ),
    draw: rules.order === 'random' ? { commitment, seed: state.seed, count: state.drawn } : null,
  }
}

/** The same for telemetry, once the room is known. */
export function admissionOf(room: RoomState, { id, known, heardNow }: RoomClient): AdmissionMessage {
  const { state, waiting, admitted, missedTurns, outstanding, capacity, ratePerSecond, turnsPerSecond } =
    statsOf(room, known!)
  return {
    ...{ room: id, sale: known!.rules.sale, serverTime: heardNow, state, waiting, admitted, missedTurns },
    ...{ outstanding, capacity, ratePerSecond, turnsPerSecond },
  }
}
