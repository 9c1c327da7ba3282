import fc from 'fast-check'
import { test } from 'vitest'
import type { ReservationState } from '../../../../src/engine/engine.js'
import { AcknowledgedTable, type PlainReservation } from '../../../../src/sale/acknowledged-table.js'
import { operation, sameAsModel } from '../../../support/same-as-model.js'

interface Table {
  set(reservation: PlainReservation): void
  get(id: string): PlainReservation | undefined
  remove(id: string): void
  clear(): void
  readonly all: readonly PlainReservation[]
  readonly size: number
}

class Real implements Table {
  readonly #table = new AcknowledgedTable()

  set(reservation: PlainReservation): void {
    const entry = this.#table.find(reservation.id)
    if (entry < 0) this.#table.add(reservation)
    else this.#table.replace(entry, reservation)
  }

  get(id: string): PlainReservation | undefined {
    const entry = this.#table.find(id)
    return entry < 0 ? undefined : this.#table.at(entry)
  }

  remove(id: string): void {
    const entry = this.#table.find(id)
    if (entry >= 0) this.#table.remove(entry)
  }

  clear(): void {
    this.#table.clear()
  }

  get all(): PlainReservation[] {
    return [...this.#table.entries()].map((entry) => this.#table.at(entry))
  }

  get size(): number {
    return this.#table.size
  }
}

class Model implements Table {
  readonly #byId = new Map<string, PlainReservation>()

  set(reservation: PlainReservation): void {
    this.#byId.set(reservation.id, reservation)
  }

  get(id: string): PlainReservation | undefined {
    return this.#byId.get(id)
  }

  remove(id: string): void {
    this.#byId.delete(id)
  }

  clear(): void {
    this.#byId.clear()
  }

  get all(): PlainReservation[] {
    return [...this.#byId.values()]
  }

  get size(): number {
    return this.#byId.size
  }
}

/** Characters of one byte, of two, and pairs of surrogates. */
const text = fc.oneof(
  fc.string({ minLength: 1, maxLength: 200 }),
  fc.string({ minLength: 1, maxLength: 80, unit: 'grapheme' }),
  fc.constantFrom('\u00ff', '\u0100', 'u\u0000', '€', '🥭'),
)
/** Few enough to be set again, and some with the same end, which is their hash. */
const id = fc.oneof(
  fc.nat(20).map((i) => `r${i}`),
  fc.nat(20).map((i) => `${i}-same-end`),
  fc.constantFrom('🥭', 'Ā'),
)
const amount = fc.oneof(fc.nat(200), fc.integer({ min: 0, max: 2 ** 40 }))
const time = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER })

const set = fc
  .record(
    {
      id,
      buyer: text,
      cart: fc.array(fc.tuple(amount, amount), { maxLength: 12 }),
      state: fc.constantFrom<ReservationState>(
        ...(['held', 'expired', 'released', 'confirmed', 'refunded', 'transferred'] as const),
      ),
      key: fc.option(text),
      createdAt: time,
      expiresAt: time,
      paymentId: fc.option(text),
      household: text,
    },
    { requiredKeys: ['id', 'buyer', 'cart', 'state', 'key', 'createdAt', 'expiresAt', 'paymentId'] },
  )
  .map((reservation) =>
    operation<Table>(`set ${JSON.stringify(reservation)}`, (table) => table.set(reservation)),
  )

test('reservations come out of their bytes as they went in, whatever texts and numbers they have', () => {
  sameAsModel<Table>(
    () => ({ real: new Real(), model: new Model() }),
    [
      set,
      set,
      id.map((one) => operation('remove', (table) => table.remove(one))),
      fc.constant(operation('clear', (table) => table.clear())),
    ],
    { look: ({ all, size }) => ({ all, size }) },
  )
})

test('each reservation is found by its id among others, also behind removed ones', () => {
  sameAsModel<Table>(
    () => ({ real: new Real(), model: new Model() }),
    [set, set, set, id.map((one) => operation('remove', (table) => table.remove(one)))],
    {
      look: (table) => Array.from({ length: 21 }, (_, i) => [table.get(`r${i}`), table.get(`${i}-same-end`)]),
    },
  )
})
