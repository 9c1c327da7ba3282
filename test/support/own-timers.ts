import timers from 'node:timers'
import { afterAll, beforeAll, expect } from 'vitest'

/** The files of a worker share its globals: a dead clock left behind hangs those that follow. */
const isOwn = (when: string) => () =>
  expect(globalThis.setTimeout, `${when} leaves another setTimeout behind.`).toBe(timers.setTimeout)

// What Vitest restores between two files is seen by the second.
beforeAll(isOwn('An earlier file'))
afterAll(isOwn('This file'))
