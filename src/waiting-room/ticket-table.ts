const tuning = {
  /** A ticket is found by so many characters at its end. */
  keyLength: 7,
  /** By which a key is multiplied for each of them. */
  factor: 67,
  smallest: 1 << 10,
}

/**
 * What is known of a ticket, side by side: whoever asks touches one line of the processor's cache.
 */
const KEY = 0
/** 0: nobody. */
const NUMBER = 1
const RANK = 2
const LAST_POSITION = 3
const FIELDS = 4

/**
 * Tickets, and three numbers about each. What a poll costs with a million others waiting is not its
 * own work but how often it goes to memory, and a Map of objects does so five times more: its
 * chains, the hashed key, and the object. Here it is the record and the ticket.
 *
 * Tickets end in a signature, whose last characters are as good as random: they are the hash. Found
 * is only who has the whole ticket. A slot keeps its meaning until something is added.
 */
export class TicketTable {
  #slots = tuning.smallest
  #records = new Float64Array(tuning.smallest * FIELDS)
  /** Empty where there is nobody. */
  #tickets = new Array<string>(tuning.smallest).fill('')
  /** Slots that are not free, and those among them of somebody who was removed. */
  #used = 0
  #removed = 0

  get size(): number {
    return this.#used - this.#removed
  }

  /** The slot of a ticket, or -1. */
  find(ticket: string): number {
    const records = this.#records
    const key = keyOf(ticket)
    for (let slot = key & (this.#slots - 1); ; slot = (slot + 1) & (this.#slots - 1)) {
      const at = slot * FIELDS
      if (records[at + NUMBER] === 0) return -1
      if (records[at + KEY] === key && this.#tickets[slot] === ticket) return slot
    }
  }

  /** A ticket that is not here; answers its slot. */
  add(ticket: string, number: number, rank: number, told: number): number {
    if (this.#used * 2 >= this.#slots) this.#renew()
    return this.#put(keyOf(ticket), ticket, number, rank, told)
  }

  /** The record stays for the sake of those that were put behind it, under a key that is none. */
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

  setLastPosition(slot: number, told: number): void {
    this.#records[slot * FIELDS + LAST_POSITION] = told
  }

  #put(key: number, ticket: string, number: number, rank: number, told: number): number {
    let slot = key & (this.#slots - 1)
    while (this.numberAt(slot) !== 0) slot = (slot + 1) & (this.#slots - 1)
    this.#records[slot * FIELDS + KEY] = key
    this.#tickets[slot] = ticket
    this.place(slot, number, rank)
    this.setLastPosition(slot, told)
    this.#used++
    return slot
  }

  /** With room for as many again as there are. */
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

function keyOf(ticket: string): number {
  let key = 0
  for (let i = ticket.length - tuning.keyLength; i < ticket.length; i++)
    key = (Math.imul(key, tuning.factor) + ticket.charCodeAt(i)) | 0
  return key
}
