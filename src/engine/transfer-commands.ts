import type { Retry } from './port.js'
import type { Moved, StoredReservation } from './records.js'
import type { Refusal } from './reservation-commands.js'

/**
 * In `sent` and `received`, the units of reservations that went from one partition to another are
 * counted apart: under the index of the other partition plus `CARRIED`. No partition has such an
 * index, so nothing but the arrival of their reservation, or a recovery, takes these units in.
 */
export const CARRIED = 1_024

/** A reservation on its way to another partition. */
export interface Departure {
  /** As it left: held or confirmed. */
  readonly reservation: StoredReservation
  /** It was confirmed after its hold had expired. */
  readonly late: boolean
  /** Its latest id, or that of an earlier record, under which further payments were recorded. */
  readonly earlier: string | null
}

/**
 * A transfer gives a reservation to another buyer. There it is another record, with an id of that
 * buyer's bucket. The old record stays, in the state `transferred`: every command on it answers
 * {@link Moved}, and so does a `reserve` with its id or key, before anything else is looked at.
 *
 * If both buyers are of one partition, `transfer` is the whole of it. Otherwise there are three
 * steps, each of which can be repeated by any process, in any number and at any time:
 *
 * 1. `transfer` at the sender's partition. The units go from `held` or `confirmed` to `inTransit`.
 *    They still count for the sender.
 * 2. `arrive` at the receiver's partition decides: the new record is made, with the units, which
 *    count for the receiver now; or the receiver's limit does not allow it. Either is final.
 * 3. `settle` at the sender's partition: the units count no more for the sender; or they come back.
 *
 * A process that dies on the way leaves the reservation in `departing`, which `transfers` lists, so
 * that every process that finds units in transit can go on.
 */
export interface TransferCommands {
  /**
   * In this order:
   * 1. No such id: `not_found`.
   * 2. It has departed: `departed` with what `arrive` needs, until it is settled; then `moved`.
   * 3. No `wish`: `not_found`. The reservation is the receiver's own: `transferred`,
   *    `replayed: true`.
   * 4. `from` is not the reservation's buyer: `not_found`.
   * 5. Released: `already_released`; expired: `expired`; refunded, or a part of it:
   *    `already_refunded`.
   * 6. After the deadline: `retry`.
   * 7. To another partition: the units leave, event `departed`; `departed`.
   * 8. In this partition: over a limit of the receiver, or of another household than the sender's:
   *    `limit_exceeded`, as in `reserve`.
   *    Otherwise the events `departed` and `transferred`; `transferred` with the new reservation.
   *
   * A paused or ended sale transfers too. The new reservation has no key.
   *
   * A call with `bypassFreeze` restores the old record alone: it becomes `transferred` whatever its
   * state was, and its units go to `available`; event `departed`. Answer `moved`. If there is no
   * such id, `record` is stored so, without units; and without its key if the buyer has used that
   * for another reservation.
   */
  transfer: {
    op: {
      readonly id: string
      /** `null`: asks how far the transfer is, and begins none. */
      readonly wish: {
        readonly receiver: string
        /** The receiver's household. The units may come from another buyer of it. */
        readonly household?: string | undefined
        /** Of the receiver's bucket, or of that of the household. */
        readonly newId: string
        readonly from: string | null
        /** In a recovery: the old record, and the `earlier` that it had. */
        readonly record?: StoredReservation | undefined
        readonly earlier?: string | undefined
      } | null
    }
    answer:
      | {
          readonly status: 'transferred'
          readonly reservation: StoredReservation
          readonly replayed: boolean
          /** The reservation as it left, unless `replayed`. */
          readonly before?: StoredReservation | undefined
        }
      | {
          readonly status: 'departed'
          readonly to: string
          readonly receiver: string
          readonly household?: string | undefined
          readonly departure: Departure
        }
      | Moved
      | {
          readonly status: 'expired' | 'already_released' | 'already_refunded'
          readonly reservation: StoredReservation
        }
      | Extract<Refusal, { status: 'limit_exceeded' }>
      | { readonly status: 'not_found' }
      | Retry
  }

  /**
   * Takes a reservation over from another partition. The first answer for an id is final:
   * `arrived` with the reservation as it is; or `limit_exceeded`. Asked again after that, it is
   * `limit_exceeded` while the receiver is over a limit with it, and `declined` otherwise.
   * The units go from `inTransit` to `held` or `confirmed`; event `transferred`.
   */
  arrive: {
    op: {
      readonly id: string
      readonly receiver: string
      readonly household?: string | undefined
      readonly departure: Departure
    }
    answer:
      | { readonly status: 'arrived'; readonly reservation: StoredReservation }
      | Extract<Refusal, { status: 'limit_exceeded' }>
      | { readonly status: 'declined' }
      | Retry
  }

  /**
   * What became of the transfer to the id `to`. `arrived`: the units count no more for the sender;
   * event `settled`. Otherwise they come back to the sender's reservation, as it was; event
   * `returned`. If the reservation is not on its way to `to`, nothing changes.
   *
   * `latest`: the reservation went on, and has this id now. Later answers are `moved` to there.
   */
  settle: {
    op: {
      readonly id: string
      readonly to: string
      readonly arrived: boolean
      readonly latest: string | null
    }
    answer: { readonly status: 'settled' } | Retry
  }
}
