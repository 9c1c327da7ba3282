import { tailHash } from '../common/tail-hash.js'

const tuning = {
  smallest: 1 << 10,
}

/**
 * The fields of a ticket's record, side by side: a lookup touches one line of the processor's
 * cache.
 */
const KEY = 0
/** 0: the slot is empty. */
const NUMBER = 1
const RANK = 2
const LAST_POSITION = 3
const FIELDS = 4

/**
 * A table of tickets with three numbers for each. With a million visitors, the cost of a poll is
 * not its own work but the number of memory accesses. A Map of objects makes five times as many:
 * its chains, the hashed key, and the object. This table accesses the record and the ticket.
 *
 * A ticket ends in a signature, whose last characters are as good as random: they are the hash. A
 * lookup compares the whole ticket. A slot number is valid until the next ticket is added.
 */
export class TicketTable {
  #slots = tuning.smallest
  #records = new Float64Array(tuning.smallest * FIELDS)
  /** Empty where the slot has no ticket. */
  #tickets = new Array<string>(tuning.smallest).fill('')
  /** Slots that are not free, and how many of them belong to removed tickets. */
  #used = 0
  #removed = 0

  get size(): number {
    return this.#used - this.#removed
  }

  /** The slot of a ticket, or -1. */
  find(ticket: string): number {
    const records = this.#records
    const key = tailHash(ticket)
    for (let slot = key & (this.#slots - 1); ; slot = (slot + 1) & (this.#slots - 1)) {
      const at = slot * FIELDS
      if (records[at + NUMBER] === 0) return -1
      if (records[at + KEY] === key && this.#tickets[slot] === ticket) return slot
    }
  }

  /** Adds a ticket that is not in the table, and returns its slot. */
  add(ticket: string, number: number, rank: number, lastPosition: number): number {
    if (this.#used * 2 >= this.#slots) this.#renew()
    return this.#put(tailHash(ticket), ticket, number, rank, lastPosition)
  }

  /**
   * The record stays, with a key that matches no ticket, so that records probed behind it are still
   * found.
   */
  remove(slot: number): void {
    this.#records[slot * FIELDS + KEY] = Number.NaN
    this.#tickets[slot] = ''
    this.#removed++
  }

  numberAt(slot: number): number {
    return this.#records[slot * FIELDS + NUMBER]!
  }

  rankAt(slot: number): number {
    return this.#records[slot * FIELDS + RANK]!
  }

  lastPositionAt(slot: number): number {
    return this.#records[slot * FIELDS + LAST_POSITION]!
  }

  place(slot: number, number: number, rank: number): void {
    this.#records[slot * FIELDS + NUMBER] = number
    this.#records[slot * FIELDS + RANK] = rank
  }

  setLastPosition(slot: number, lastPosition: number): void {
    this.#records[slot * FIELDS + LAST_POSITION] = lastPosition
  }

  #put(key: number, ticket: string, number: number, rank: number, lastPosition: number): number {
    let slot = key & (this.#slots - 1)
    while (this.numberAt(slot) !== 0) slot = (slot + 1) & (this.#slots - 1)
    this.#records[slot * FIELDS + KEY] = key
    this.#tickets[slot] = ticket
    this.place(slot, number, rank)
    this.setLastPosition(slot, lastPosition)
    this.#used++
    return slot
  }

  /** Rebuilds the table with room for twice the tickets it has. */
  #renew(): void {
    const [records, tickets] = [this.#records, this.#tickets]
    while (this.size * 4 > this.#slots) this.#slots *= 2
    this.#records = new Float64Array(this.#slots * FIELDS)
    this.#tickets = new Array<string>(this.#slots).fill('')
    this.#used = 0
    this.#removed = 0
    for (let slot = 0; slot < tickets.length; slot++) {
      const at = slot * FIELDS
      if (tickets[slot] !== '')
        this.#put(
          records[at + KEY]!,
          tickets[slot]!,
          records[at + NUMBER]!,
          records[at + RANK]!,
          records[at + LAST_POSITION]!,
        )
    }
  }
}
