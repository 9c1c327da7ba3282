import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { TicketTable } from '../../../src/waiting-room/ticket-table.js'

/**
 * Tickets of few different ends, so that many stand in each other's way, and some that are hardly
 * any.
 */
const ticket = fc.oneof(
  fc
    .tuple(fc.constantFrom('', 'a', 'b.', 'c.d.'), fc.constantFrom('AAAAAAA', 'BAAAAAA', 'AAAAAAB'))
    .map((parts) => parts.join('')),
  fc.nat(3_000).map((n) => `ticket ${String(n).padStart(7, '0')}`),
  fc.constantFrom('x', 'AA', '\0'),
)
const step = fc.record({
  ticket,
  do: fc.constantFrom('add', 'remove', 'place', 'tell'),
  number: fc.nat(2 ** 40),
})

const numbersOf = (table: TicketTable, slot: number) =>
  slot < 0 ? undefined : `${table.numberAt(slot)} ${table.rankAt(slot)} ${table.lastPositionAt(slot)}`

test('knows what a Map would know, however many come and go', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 3_000, size: 'max' }), (steps) => {
      const table = new TicketTable()
      const known = new Map<string, number[]>()
      const agree = (name: string) => {
        const slot = table.find(name)
        // Not an `expect` each: there are a hundred thousand.
        if (numbersOf(table, slot) !== known.get(name)?.join(' ')) expect.fail(name)
        return slot
      }
      for (const { ticket: name, do: action, number } of steps) {
        const slot = agree(name)
        if (action === 'add' && slot < 0) {
          table.add(name, number + 1, number + 2, 0)
          known.set(name, [number + 1, number + 2, 0])
        } else if (action === 'remove' && slot >= 0) {
          table.remove(slot)
          known.delete(name)
        } else if (action === 'place' && slot >= 0) {
          table.place(slot, number + 3, number + 4)
          known.set(name, [number + 3, number + 4, known.get(name)![2]!])
        } else if (action === 'tell' && slot >= 0) {
          table.setLastPosition(slot, number)
          known.set(name, [...known.get(name)!.slice(0, 2), number])
        }
      }
      expect(table.size).toBe(known.size)
      expect(table.find('')).toBe(-1)
      for (const name of known.keys()) agree(name)
    }),
    { numRuns: 40 },
  )
})

test('visitors who come and go need no more memory than those who are there', () => {
  const table = new TicketTable()
  let last = 0
  for (let n = 0; n < 20_000; n++) {
    const slot = table.add(`ticket ${String(n).padStart(7, '0')}`, n + 1, n + 1, 0)
    last = Math.max(last, slot)
    table.remove(slot)
  }
  expect(last).toBeLessThan(1_024)
  expect(table.size).toBe(0)
})

test('what is known of a ticket is kept when the table grows, and what it is added with is known at once', () => {
  const table = new TicketTable()
  const name = (n: number) => `ticket ${String(n).padStart(7, '0')}`
  for (let n = 0; n < 3_000; n++) {
    const slot = table.add(name(n), 2 * n + 1, 3 * n + 1, 4 * n + 1)
    expect(numbersOf(table, slot)).toBe(`${2 * n + 1} ${3 * n + 1} ${4 * n + 1}`)
  }
  for (let n = 0; n < 3_000; n++)
    expect(numbersOf(table, table.find(name(n)))).toBe(`${2 * n + 1} ${3 * n + 1} ${4 * n + 1}`)
})

/** Ends like a signature. */
const signed = (n: number) => `ticket.${createHash('sha256').update(`${n}`).digest('base64url')}`

test('tickets lie as far apart as if their slots were drawn', () => {
  const slots = new Set<number>()
  for (let n = 0; n < 512; n++) slots.add(new TicketTable().add(signed(n), 1, 1, 0))
  // 512 draws reach 403 of 1,024 slots on average; a hash that leaves half of them out reaches 320.
  expect(slots.size).toBeGreaterThan(360)
})

test('the table is half full at most, and is renewed for as many again as there are', () => {
  const table = new TicketTable()
  const last = (count: number) => Math.max(...Array.from({ length: count }, (_, n) => table.find(signed(n))))
  for (let n = 0; n < 512; n++) table.add(signed(n), n + 1, n + 1, 0)
  expect(last(512)).toBeLessThan(1_024)
  table.add(signed(512), 513, 513, 0)
  expect(last(513)).toBeGreaterThanOrEqual(1_024)
  for (let n = 513; n < 1_024; n++) table.add(signed(n), n + 1, n + 1, 0)
  expect(last(1_024)).toBeLessThan(2_048)
  table.add(signed(1_024), 1_025, 1_025, 0)
  expect(last(1_025)).toBeGreaterThanOrEqual(2_048)
  expect(last(1_025)).toBeLessThan(4_096)
})
