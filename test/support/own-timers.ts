import { afterAll, expect } from 'vitest'

/** The files of a worker share its globals: a dead clock left behind hangs those that follow. */
const { setTimeout } = globalThis
afterAll(() => {
  expect(globalThis.setTimeout, 'This file leaves another setTimeout behind.').toBe(setTimeout)
})
