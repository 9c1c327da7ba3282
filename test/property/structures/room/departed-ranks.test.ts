import fc from 'fast-check'
import { test } from 'vitest'
import { DepartedRanks } from '../../../../src/memory-engine/room/departed-ranks.js'
import { operation, sameAsModel } from '../../../support/same-as-model.js'

const CHUNK = 65_536

interface Changed {
  readonly version: number
  /** Each chunk that changed, as it is now. */
  readonly chunks: readonly { readonly index: number; readonly bytes: number; readonly numbers: number[] }[]
}

/** Numbers that were given up, and a place from which they are looked at: it only moves forward. */
abstract class Places {
  /** Every version that was told. */
  readonly versions = [0]
  #from: number

  constructor(from: number) {
    this.#from = from
  }

  abstract add(number: number): void
  abstract allBetween(from: number, to: number): boolean
  abstract changedAfter(version: number): Changed

  allGone(step: number, width: number): boolean {
    this.#from += step
    return this.allBetween(this.#from, this.#from + width)
  }

  changedSince(reading: number): unknown {
    const changed = this.changedAfter(this.versions.at(-1 - reading) ?? 0)
    this.versions.push(changed.version)
    return changed
  }
}

class Real extends Places {
  readonly #gone = new DepartedRanks()

  add(number: number): void {
    this.#gone.add(number)
  }

  allBetween(from: number, to: number): boolean {
    return this.#gone.allBetween(from, to)
  }

  changedAfter(version: number): Changed {
    const bitsOf = (byte: number) => [...Array(8).keys()].filter((bit) => byte & (0x80 >> bit))
    const chunks = this.#gone.changedAfter(version).map(({ index, bits }) => {
      const set = [...bits.entries()].filter(([, byte]) => byte !== 0)
      const numbers = set.flatMap(([at, byte]) => bitsOf(byte).map((bit) => index * CHUNK + at * 8 + bit))
      return { index, bytes: bits.length, numbers }
    })
    return { version: this.#gone.version, chunks }
  }
}

class Model extends Places {
  readonly #added: number[] = []

  add(number: number): void {
    this.#added.push(number)
  }

  allBetween(from: number, to: number): boolean {
    for (let number = from + 1; number < to; number++) if (!this.#added.includes(number)) return false
    return true
  }

  changedAfter(version: number): Changed {
    const chunkOf = (number: number) => Math.floor(number / CHUNK)
    const changed = new Set(this.#added.slice(version).map(chunkOf))
    const chunks = [...changed]
      .sort((a, b) => a - b)
      .map((index) => {
        const numbers = [...new Set(this.#added)].filter((number) => chunkOf(number) === index)
        return { index, bytes: CHUNK / 8, numbers: numbers.sort((a, b) => a - b) }
      })
    return { version: this.#added.length, chunks }
  }
}

test.each([0, CHUNK - 9, 2 * CHUNK - 9])(
  'places given up behind %i are told and found as in a list',
  (base) => {
    const number = fc.nat(20).map((i) => base + 1 + i)
    sameAsModel<Places>(
      () => ({ real: new Real(base), model: new Model(base) }),
      [
        number.map((each) => operation(`add ${each}`, (places) => places.add(each))),
        fc.constant(
          operation('add 16 in a row', (places) => {
            for (let i = 0; i < 16; i++) places.add(base + 3 + i)
          }),
        ),
        fc
          .tuple(fc.constantFrom(0, 0, 0, 0, 1, 2), fc.nat(4))
          .map(([step, width]) =>
            operation(`all gone within ${width}, ${step} further on`, (places) =>
              places.allGone(step, width),
            ),
          ),
        fc.nat(3).map((i) => operation(`changed since reading ${i}`, (places) => places.changedSince(i))),
      ],
      { runs: 60, calls: 40 },
    )
  },
)
