import type { Audit, ReservationState, SkuCounts } from '../../../src/index.js'

/** The answers that buyers got, as far as the verdict needs them. */
export interface Told {
  /** Units by the reservation's id. */
  readonly confirmed: ReadonlyMap<string, number>
  readonly confirmedUnits: number
  /** Confirmed, and given back by the buyer: these units have left the sale. */
  readonly cancelled: ReadonlyMap<string, number>
  readonly cancelledUnits: number
  readonly refundDue: readonly string[]
  readonly released: readonly string[]
  /** By buyer: the most units held and bought at a time. */
  readonly peaks: ArrayLike<number>
  /** By buyer: the quantity last refused as sold out, or 0. */
  readonly wanted: ArrayLike<number>
  readonly toldGone: number
  readonly room: {
    /** Passes that visitors got, and passes of visitors who had a valid one. */
    readonly passes: number
    readonly doubled: number
    /** Reservations of buyers who never had a pass. */
    readonly withoutPass: number
    readonly forged: { readonly accepted: number }
    /** Visitors who were told by the room that the sale is sold out. */
    readonly turnedAway: number
    readonly turnedAwayAgain: number
  }
  readonly doubleClicks: { readonly contradictions: number }
  readonly doubleReports: { readonly contradictions: number }
}

/** The state of the sale after its end. */
export interface EndState {
  readonly counts: SkuCounts
  /** By reservation id, of all reservations that buyers know of. */
  readonly states: ReadonlyMap<string, ReservationState | undefined>
  /** Passes given, as the room counts them. */
  readonly passes: number
  readonly audit: Pick<Audit, 'ok' | 'violations' | 'reservations'>
}

export interface Verdict {
  /** Units confirmed beyond the stock. */
  readonly oversold: number
  /** Reservations that were answered `confirmed` and are not confirmed. */
  readonly lost: number
  /** Units that no buyer has and no buyer can get. */
  readonly stranded: number
  /** Buyers who had more than the limit at some time. */
  readonly overLimit: number
  /** Empty if everything adds up. */
  readonly faults: readonly string[]
}

/**
 * Compares the answers of the buyers with the end state. A pure function, so that tests can pass
 * wrong figures.
 */
export function verdictOf(units: number, limit: number, told: Told, end: EndState): Verdict {
  const { counts, states, passes, audit } = end
  const { room } = told
  const oversold = Math.max(0, told.confirmedUnits + told.cancelledUnits - units)
  const lost = [...told.confirmed.keys()].filter((id) => states.get(id) !== 'confirmed').length
  const stranded = strandedUnits(units, told, counts)
  const overLimit = countWhere(told.peaks, (peak) => peak > limit)
  // Refunded or released, and confirmed or held all the same.
  const revived = [...told.refundDue, ...told.released, ...told.cancelled.keys()].filter((id) => {
    const state = states.get(id)
    return state === 'confirmed' || state === 'held'
  }).length

  const checks: [wrong: boolean, fault: string][] = [
    [oversold > 0, `oversold: ${oversold} more units were confirmed than the ${units} there were`],
    [lost > 0, `lost: ${lost} reservations were answered "confirmed" and are not confirmed`],
    [stranded > 0, `stranded: ${stranded} units are neither sold nor available to a buyer`],
    [overLimit > 0, `over the limit: ${overLimit} buyers had more than ${limit} units at a time`],
    [revived > 0, `revived: ${revived} reservations were answered as ended and are held or confirmed`],
    [
      told.doubleClicks.contradictions > 0,
      `double clicks: ${told.doubleClicks.contradictions} got more than the one reservation`,
    ],
    [
      told.doubleReports.contradictions > 0,
      `double reports: ${told.doubleReports.contradictions} payments got contradicting answers`,
    ],
    [
      room.withoutPass + room.forged.accepted > 0,
      `no pass: ${room.withoutPass + room.forged.accepted} reservations were made without a pass of the buyer`,
    ],
    [room.doubled > 0, `admitted twice: ${room.doubled} got a pass who had one`],
    [passes !== room.passes, `passes: the room counts ${passes}, the visitors got ${room.passes}`],
    [
      counts.total !== units - told.cancelledUnits,
      `total: the sale counts ${counts.total} units, ${units} were put on sale and ${told.cancelledUnits} given back`,
    ],
    [
      counts.confirmed !== told.confirmedUnits,
      `confirmed: the sale counts ${counts.confirmed} units, the buyers were told ${told.confirmedUnits}`,
    ],
    [!audit.ok, `audit: ${audit.violations.map(({ message }) => message).join('; ') || 'not ok'}`],
  ]
  return {
    oversold,
    lost,
    stranded,
    overLimit,
    faults: checks.filter(([wrong]) => wrong).map(([, fault]) => fault),
  }
}

/**
 * Units that are neither confirmed to buyers nor available; and available ones, if a buyer who
 * wanted them was refused.
 */
function strandedUnits(units: number, told: Told, { available }: SkuCounts): number {
  const vanished = Math.max(0, units - told.cancelledUnits - told.confirmedUnits - available)
  const refused = countWhere(told.wanted, (wanted) => wanted > 0 && wanted <= available)
  const sentAway = refused + told.toldGone + told.room.turnedAway + told.room.turnedAwayAgain
  return vanished + (sentAway > 0 ? Math.max(0, available) : 0)
}

function countWhere(values: ArrayLike<number>, condition: (value: number) => boolean): number {
  let sum = 0
  for (let i = 0; i < values.length; i++) if (condition(values[i]!)) sum++
  return sum
}
